import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type EmbeddedLocation,
  prepareLocation,
  rememberLocation,
  type Starter,
} from '../../../../../lib/store/embedded/location.ts'
import { EmbeddedProblem } from '../../../../../lib/store/embedded/problem.ts'

let folder = ''
let data = ''
let root: Starter
let user: Starter
beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-location-')))
  data = path.join(folder, 'data folder')
  await mkdir(data)
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  root = { isRoot: true, base: path.join(folder, 'var'), ensureServerUser: async () => self }
  user = { ...root, isRoot: false }
})
afterEach(() => rm(folder, { recursive: true }))

/** Prepares the place, and makes a database there as a start does. */
async function start(dataDirectory: string, starter: Starter): Promise<EmbeddedLocation> {
  const location = await prepareLocation(dataDirectory, starter)
  await mkdir(location.cluster, { recursive: true })
  await rememberLocation(dataDirectory, location)
  return location
}

const wordsOf = async (preparing: Promise<unknown>) => {
  const error: unknown = await preparing.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(EmbeddedProblem)
  return (error as EmbeddedProblem).message
}

describe('an ordinary user', () => {
  it('has the database in the data folder', async () => {
    expect(await start(data, user)).toMatchObject({
      home: path.join(data, 'postgres'),
      cluster: path.join(data, 'postgres', 'data'),
      programs: null,
      user: null,
    })
  })

  it('is told that the database was made by root, instead of getting an empty one', async () => {
    const { home } = await start(data, root)
    expect(await wordsOf(prepareLocation(data, user))).toBe(
      `The database of ${data} lies in ${home} and was made by root. Start Berth as root again, or name another folder in BERTH_DATA_DIR for this user.`,
    )
  })
})

describe('root', () => {
  it("has the database where its server's user can go, whatever the umask", async () => {
    const before = process.umask(0o077)
    try {
      const { home, user: serverUser } = await start(data, root)
      expect(home.startsWith(root.base)).toBe(true)
      expect(serverUser).toEqual(await root.ensureServerUser())
      for (const passed of [root.base, path.dirname(home), home]) expect((await stat(passed)).mode & 0o005).toBe(0o005)
    } finally {
      process.umask(before)
    }
  })

  it('opens a folder on the way that an earlier start closed', async () => {
    const { home } = await start(data, root)
    await chmod(path.dirname(home), 0o700)
    await start(data, root)
    expect((await stat(path.dirname(home))).mode & 0o777).toBe(0o755)
  })

  it('finds the database again when the data folder was moved', async () => {
    const { home } = await start(data, root)
    const moved = path.join(folder, 'moved')
    await rename(data, moved)
    expect((await start(moved, root)).home).toBe(home)
    expect(await readFile(path.join(home, 'data-folder'), 'utf8')).toBe(`${moved}\n`)
  })

  it('has a place for the programs also where the database is elsewhere', async () => {
    const { programs } = await start(data, user)
    expect(programs).toBeNull()
    const asRoot = await start(data, root)
    expect((await stat(String(asRoot.programs))).mode & 0o777).toBe(0o755)
    await rm(path.join(data, 'postgres'), { recursive: true })
    const { home } = await start(data, root)
    await rm(String(asRoot.programs), { recursive: true })
    await mkdir(path.join(home, 'data'), { recursive: true })
    expect((await stat(String((await start(data, root)).programs))).isDirectory()).toBe(true)
  })

  it('finds it under another path to the same folder', async () => {
    const { home } = await start(data, root)
    await symlink(data, path.join(folder, 'link'))
    expect((await start(path.join(folder, 'link'), root)).home).toBe(home)
    expect((await start(data, root)).home).toBe(home)
  })

  it('does not give one database to a data folder and its copy', async () => {
    const { home } = await start(data, root)
    const copy = path.join(folder, 'copy')
    await cp(data, copy, { recursive: true })
    expect(await wordsOf(prepareLocation(copy, root))).toBe(
      `${copy} is a copy of ${data}, whose database in ${home} they cannot both use. Remove the one that is not wanted; or begin with an empty database here: rm '${path.join(copy, 'database-folder')}'`,
    )
    await rm(path.join(copy, 'database-folder'))
    expect((await start(copy, root)).home).not.toBe(home)
    expect((await start(data, root)).home).toBe(home)
  })

  it('gives the database to the copy when the first is gone', async () => {
    const { home } = await start(data, root)
    const copy = path.join(folder, 'copy')
    await cp(data, copy, { recursive: true })
    await rm(data, { recursive: true })
    expect((await start(copy, root)).home).toBe(home)
  })

  it('says that the database is gone, instead of making an empty one', async () => {
    const { home } = await start(data, root)
    await rm(home, { recursive: true })
    expect(await wordsOf(prepareLocation(data, root))).toBe(
      `The database of ${data} lay in ${home}, and is not there any more. Bring that folder back; or begin with an empty database: rm '${path.join(data, 'database-folder')}'`,
    )
    await rm(path.join(data, 'database-folder'))
    expect((await start(data, root)).home).toBe(home)
  })

  it('uses the database of an ordinary user where it is, as that user', async () => {
    const { home, cluster } = await start(data, user)
    const { uid, gid } = await stat(cluster)
    expect(await start(data, root)).toMatchObject({ home, cluster, user: { uid, gid } })
    expect((await start(data, user)).home).toBe(home)
  })

  it('keeps its own from before it was written down, though a user has made another since', async () => {
    const { home } = await start(data, root)
    await rm(path.join(data, 'database-folder'))
    await start(data, user)
    await writeFile(path.join(home, 'data-folder'), '')
    expect((await start(data, root)).home).toBe(home)
  })
})
