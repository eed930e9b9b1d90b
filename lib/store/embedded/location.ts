/**
 * Where the embedded server's files lie, and as whom it runs. PostgreSQL refuses to run as root, so as root it runs as the
 * user `postgres`, under /var/lib/berth: that user often cannot walk to the project (a 0700 home) or to its data folder. Which
 * folder there is the data folder's is written down in both, so that neither loses the other when the project is moved.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, realpath, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { EmbeddedProblem } from './problem.ts'
import { ensureServerUser, type ServerUser } from './server-user.ts'

const projectDirectory = fileURLToPath(new URL('../../..', import.meta.url))
const ROOT_BASE = '/var/lib/berth'
/** In the data folder: the path of the database's folder, when that lies elsewhere. */
const WHERE_FILE = 'database-folder'
/** In the database's folder: the path of the data folder whose it is. */
const WHOSE_FILE = 'data-folder'

export interface EmbeddedLocation {
  /** Everything of this server; the user's own, or root's and passable. */
  home: string
  /** PGDATA. */
  cluster: string
  logFile: string
  /** Where a copy of the program goes; null: it is run where it was installed. */
  programs: string | null
  /** Null: the user that runs this. */
  user: ServerUser | null
}

const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)
const pathsIn = (home: string) => ({
  home,
  cluster: path.join(home, 'data'),
  logFile: path.join(home, 'server.log'),
})

/** The paths that belong to a data folder (absolute). Changes nothing. */
export function locateEmbedded(
  dataDirectory: string,
  isRoot: boolean,
  base: string = ROOT_BASE,
): Omit<EmbeddedLocation, 'user'> {
  const inside = pathsIn(path.join(dataDirectory, 'postgres'))
  if (!isRoot) return { ...inside, programs: null }
  const shared = path.join(base, shortHash(projectDirectory))
  const known = readPath(path.join(dataDirectory, WHERE_FILE))
  const outside = pathsIn(known ?? path.join(shared, shortHash(dataDirectory)))
  // What an ordinary user made is started as that user, where it is.
  const isUsers = known === null && !existsSync(outside.cluster) && existsSync(inside.cluster)
  return { ...(isUsers ? inside : outside), programs: shared }
}

/** True when this process is root's. */
export function runsAsRoot(): boolean {
  return process.getuid?.() === 0
}

export interface Starter {
  isRoot: boolean
  /** Where root's databases lie. */
  base: string
  ensureServerUser(): Promise<ServerUser>
}

const thisProcess = (): Starter => ({ isRoot: runsAsRoot(), base: ROOT_BASE, ensureServerUser })

/** Makes the folders, and as root the server's user. Idempotent. Throws EmbeddedProblem where the database is not this user's. */
export async function prepareLocation(
  dataDirectory: string,
  starter: Starter = thisProcess(),
): Promise<EmbeddedLocation> {
  const { isRoot, base } = starter
  const paths = locateEmbedded(dataDirectory, isRoot, base)
  if (!isRoot) {
    assertNotRoots(dataDirectory, paths.cluster)
    await mkdir(paths.home, { recursive: true, mode: 0o700 })
    return { ...paths, user: null }
  }
  const isUsers = paths.home === path.join(dataDirectory, 'postgres')
  if (!isUsers) await assertOwn(dataDirectory, paths)
  // Passable by the server's user, whatever the umask. What is in them has modes of its own.
  for (const folder of [base, paths.programs, ...(isUsers ? [] : [path.dirname(paths.home), paths.home])]) {
    if (folder !== null) await makePassable(folder)
  }
  if (isUsers) return { ...paths, user: await ownerOf(paths.cluster) }
  const user = await starter.ensureServerUser()
  // It makes the cluster here.
  await chown(paths.home, user.uid, user.gid)
  return { ...paths, user }
}

/** Writes down in both folders that they belong together. For a location whose cluster is there. */
export async function rememberLocation(dataDirectory: string, { home }: Pick<EmbeddedLocation, 'home'>): Promise<void> {
  if (home === path.join(dataDirectory, 'postgres')) return
  const own = await realpath(dataDirectory)
  if (readPath(path.join(home, WHOSE_FILE)) !== own) await writeFile(path.join(home, WHOSE_FILE), `${own}\n`)
  const where = path.join(dataDirectory, WHERE_FILE)
  if (readPath(where) !== home) await writeFile(where, `${home}\n`)
}

/** After its database was removed. */
export async function forgetLocation(dataDirectory: string): Promise<void> {
  await rm(path.join(dataDirectory, WHERE_FILE), { force: true })
}

/** Root's database is not made anew because somebody else starts Berth on its data folder. */
function assertNotRoots(dataDirectory: string, cluster: string): void {
  const home = readPath(path.join(dataDirectory, WHERE_FILE))
  if (home === null || existsSync(cluster)) return
  throw new EmbeddedProblem(
    `The database of ${dataDirectory} lies in ${home} and was made by root. Start Berth as root again, or name another folder in BERTH_DATA_DIR for this user.`,
  )
}

/** The database's folder is there, and no other data folder's. */
async function assertOwn(dataDirectory: string, { home, cluster }: { home: string; cluster: string }): Promise<void> {
  const where = path.join(dataDirectory, WHERE_FILE)
  if (readPath(where) !== null && !existsSync(cluster)) {
    throw new EmbeddedProblem(
      `The database of ${dataDirectory} lay in ${home}, and is not there any more. Bring that folder back; or begin with an empty database: rm '${where}'`,
    )
  }
  const owner = readPath(path.join(home, WHOSE_FILE))
  if (owner === null || !existsSync(owner) || (await realpath(owner)) === (await realpath(dataDirectory))) return
  // Where the owner's folder was moved or made anew, this one has the right to it.
  if (readPath(path.join(owner, WHERE_FILE)) !== home) return
  throw new EmbeddedProblem(
    `${dataDirectory} is a copy of ${owner}, whose database in ${home} they cannot both use. Remove the one that is not wanted; or begin with an empty database here: rm '${where}'`,
  )
}

async function ownerOf(folder: string): Promise<ServerUser> {
  const { uid, gid } = await stat(folder)
  return { uid, gid }
}

async function makePassable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const { mode } = await stat(folder)
  await chmod(folder, mode | 0o055)
}

function readPath(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
