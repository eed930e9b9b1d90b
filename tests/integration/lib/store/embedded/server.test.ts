import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { inspectEmbedded } from '../../../../../lib/store/embedded/inspect.ts'
import { locateEmbedded, prepareLocation, runsAsRoot } from '../../../../../lib/store/embedded/location.ts'
import { isProcessAlive, readPostmaster } from '../../../../../lib/store/embedded/postmaster.ts'
import {
  findEmbeddedServer,
  removeEmbeddedServer,
  startEmbeddedServer,
} from '../../../../../lib/store/embedded/server.ts'
import { migrateDatabase } from '../../../../../lib/store/migrate.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await removeEmbeddedServer(path.join(folder, 'data folder'))
    await rm(folder, { recursive: true, force: true })
  }
})

/** In a folder that nobody but its owner may enter, under a name with a space. */
async function newDataDirectory(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-embedded-')))
  await chmod(folder, 0o700)
  folders.push(folder)
  const dataDirectory = path.join(folder, 'data folder')
  await mkdir(dataDirectory)
  return dataDirectory
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const clusterOf = (dataDirectory: string) => locateEmbedded(dataDirectory, runsAsRoot()).cluster

async function pidOf(dataDirectory: string): Promise<number> {
  const postmaster = await readPostmaster(clusterOf(dataDirectory))
  if (postmaster === null) throw new Error('no server')
  return postmaster.pid
}

async function waitUntilGone(pid: number): Promise<void> {
  await expect.poll(() => isProcessAlive(pid), { timeout: 10_000 }).toBe(false)
}

/** Starts in a process of its own, which is killed with what it runs as soon as `hasCome`, or when the start is done. */
async function killStart(dataDirectory: string, hasCome: () => Promise<boolean>): Promise<void> {
  const serverModule = new URL('../../../../../lib/store/embedded/server.ts', import.meta.url).href
  const script = `const { startEmbeddedServer } = await import(${JSON.stringify(serverModule)})
    await startEmbeddedServer({ dataDirectory: ${JSON.stringify(dataDirectory)} })`
  const starting = spawn(process.execPath, ['--input-type=module', '-e', script], { detached: true, stdio: 'ignore' })
  const ended = new Promise((resolve) => starting.once('exit', resolve))
  const isOver = () => starting.exitCode !== null
  while (!isOver() && !(await hasCome())) await new Promise((resolve) => setImmediate(resolve))
  if (starting.pid !== undefined && !isOver()) process.kill(-starting.pid, 'SIGKILL')
  await ended
}

describe('startEmbeddedServer', () => {
  it('makes a UTF8 database whatever the machine speaks', async () => {
    const { url, wasRunning } = await startEmbeddedServer({ dataDirectory: await newDataDirectory() })
    expect(wasRunning).toBe(false)
    expect(await query(url, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }])
    expect(await query(url, `SELECT '"\\u00e9"'::jsonb AS letter`)).toEqual([{ letter: 'é' }])
  })

  it('answers on loopback only, has no socket file, and refuses a wrong password', async () => {
    const { url } = await startEmbeddedServer({ dataDirectory: await newDataDirectory() })
    expect(
      await query(
        url,
        `SELECT current_setting('listen_addresses') AS hosts, current_setting('unix_socket_directories') AS sockets`,
      ),
    ).toEqual([{ hosts: '127.0.0.1', sockets: '' }])
    const guessed = new URL(url)
    guessed.password = 'berth'
    await expect(query(guessed.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' })
  })

  it('keeps its password for its owner alone', async () => {
    const dataDirectory = await newDataDirectory()
    await startEmbeddedServer({ dataDirectory })
    const { mode } = await stat(path.join(clusterOf(dataDirectory), 'berth-password'))
    expect((mode & 0o777).toString(8)).toBe('600')
  })

  it('keeps what was written through a stop and a start', async () => {
    const dataDirectory = await newDataDirectory()
    const first = await startEmbeddedServer({ dataDirectory })
    await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)')
    await first.stop()
    await first.stop()
    expect(await findEmbeddedServer(dataDirectory)).toBeNull()
    const second = await startEmbeddedServer({ dataDirectory })
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }])
  })

  it('can be looked at before it is made, while it runs and when it rests, without a file made or a server started', async () => {
    const dataDirectory = await newDataDirectory()
    const { home } = locateEmbedded(dataDirectory, runsAsRoot())
    expect(await inspectEmbedded(dataDirectory)).toEqual({
      home,
      programMajor: '18',
      clusterMajor: null,
      runningAt: null,
    })
    await expect(stat(home)).rejects.toMatchObject({ code: 'ENOENT' })
    const server = await startEmbeddedServer({ dataDirectory })
    expect(await inspectEmbedded(dataDirectory)).toMatchObject({ clusterMajor: '18', runningAt: server.url })
    await server.stop()
    expect(await inspectEmbedded(dataDirectory)).toMatchObject({ clusterMajor: '18', runningAt: null })
  })

  it('finds the server again that outlived a killed control plane', async () => {
    const dataDirectory = await newDataDirectory()
    const serverModule = new URL('../../../../../lib/store/embedded/server.ts', import.meta.url).href
    const script = `const { startEmbeddedServer } = await import(${JSON.stringify(serverModule)})
      const { url } = await startEmbeddedServer({ dataDirectory: ${JSON.stringify(dataDirectory)} })
      console.log(url)
      setInterval(() => {}, 1000)`
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const url = await new Promise<string>((resolve) =>
      owner.stdout.once('data', (line) => resolve(String(line).trim())),
    )
    const ended = new Promise((resolve) => owner.once('exit', resolve))
    owner.kill('SIGKILL')
    await ended
    expect(await findEmbeddedServer(dataDirectory)).toBe(url)
    expect(await startEmbeddedServer({ dataDirectory })).toMatchObject({ url, wasRunning: true })
  })

  it('stands in a session of its own, so that Ctrl+C does not reach it', async () => {
    const dataDirectory = await newDataDirectory()
    await startEmbeddedServer({ dataDirectory })
    const pid = await pidOf(dataDirectory)
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    const [, , processGroup, session] = status.slice(status.lastIndexOf(')') + 2).split(' ')
    expect([processGroup, session]).toEqual([String(pid), String(pid)])
  })

  it('recovers what was committed when the server itself was killed', async () => {
    const dataDirectory = await newDataDirectory()
    const { url } = await startEmbeddedServer({ dataDirectory })
    await query(url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)')
    const pid = await pidOf(dataDirectory)
    process.kill(pid, 'SIGKILL')
    const again = await startEmbeddedServer({ dataDirectory })
    expect(again.wasRunning).toBe(false)
    expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }])
    await waitUntilGone(pid)
  })

  it('is not kept from starting by a stale pid file whose number is another program now', async () => {
    const dataDirectory = await newDataDirectory()
    const { stop } = await startEmbeddedServer({ dataDirectory })
    const pidFile = path.join(clusterOf(dataDirectory), 'postmaster.pid')
    const lines = (await readFile(pidFile, 'utf8')).split('\n')
    await stop()
    // Of the server's own user: PostgreSQL passes over the processes of others by itself.
    const { user } = await prepareLocation(dataDirectory)
    const program = spawn('sleep', ['60'], { stdio: 'ignore', ...(user ?? {}) })
    await writeFile(pidFile, [String(program.pid), ...lines.slice(1)].join('\n'))
    try {
      const again = await startEmbeddedServer({ dataDirectory })
      expect(again.wasRunning).toBe(false)
      expect(await query(again.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    } finally {
      program.kill()
    }
  })

  it('finds its data again when the data folder was moved', async () => {
    const dataDirectory = await newDataDirectory()
    const first = await startEmbeddedServer({ dataDirectory })
    await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)')
    await first.stop()
    const moved = await newDataDirectory()
    await rm(moved, { recursive: true })
    await rename(dataDirectory, moved)
    const second = await startEmbeddedServer({ dataDirectory: moved })
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }])
  })

  it('takes away what a start left that was killed while it made the files', async () => {
    const dataDirectory = await newDataDirectory()
    const { home } = await prepareLocation(dataDirectory)
    const ended = spawn('true')
    await new Promise((resolve) => ended.once('exit', resolve))
    const halves = [`data.${ended.pid}.0123456789ab.partial`, 'data.0123456789ab.partial']
    for (const half of halves) {
      await mkdir(path.join(home, half))
      await writeFile(path.join(home, `${half}.password`), 'a password')
    }
    const { url } = await startEmbeddedServer({ dataDirectory })
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect((await readdir(home)).filter((name) => name.includes('partial'))).toEqual([])
  })

  // Six starts, one after the other.
  it('comes up after a first start that was killed at any moment', async () => {
    const dataDirectory = await newDataDirectory()
    const { home } = await prepareLocation(dataDirectory)
    const moments = [
      async () => (await readdir(home)).some((name) => name.endsWith('.password')),
      async () => (await readdir(home)).some((name) => name.endsWith('.partial')),
      async () => (await readdir(home)).includes('data'),
      async () => (await readPostmaster(path.join(home, 'data'))) !== null,
      async () => (await findEmbeddedServer(dataDirectory).catch(() => null)) !== null,
    ]
    for (const hasCome of moments) await killStart(dataDirectory, hasCome)
    const { url } = await startEmbeddedServer({ dataDirectory })
    expect((await migrateDatabase(url)).applied.length).toBeGreaterThan(0)
    expect(await query(url, 'SELECT count(*)::int AS agents FROM "Agent"')).toEqual([{ agents: 0 }])
    expect((await readdir(home)).filter((name) => name.includes('partial'))).toEqual([])
  }, 60_000)

  it('says what to do about files of another version of PostgreSQL', async () => {
    const dataDirectory = await newDataDirectory()
    const { stop } = await startEmbeddedServer({ dataDirectory })
    await stop()
    const cluster = clusterOf(dataDirectory)
    await writeFile(path.join(cluster, 'PG_VERSION'), '17\n')
    await expect(startEmbeddedServer({ dataDirectory })).rejects.toThrow(
      `The database in ${cluster} was made by PostgreSQL 17, and this version of Berth brings 18, which cannot read it. Start the version of Berth that made it, and take the data along with its pg_dump; or name an empty folder in BERTH_DATA_DIR.`,
    )
  })

  it('says what to do when its password is lost', async () => {
    const dataDirectory = await newDataDirectory()
    const { stop } = await startEmbeddedServer({ dataDirectory })
    await stop()
    const file = path.join(clusterOf(dataDirectory), 'berth-password')
    await writeFile(file, '')
    await expect(startEmbeddedServer({ dataDirectory })).rejects.toThrow(
      `${file} is empty. Bring it back from a backup; or, to begin with an empty database, move the folder away.`,
    )
    await rm(file)
    await expect(startEmbeddedServer({ dataDirectory })).rejects.toThrow('holds no berth-password. Bring it back')
    const beside = await readdir(path.dirname(clusterOf(dataDirectory)))
    expect(beside.filter((name) => name.includes('partial'))).toEqual([])
  })

  it('gives two callers at the same time one and the same server', async () => {
    const dataDirectory = await newDataDirectory()
    const servers = await Promise.all([startEmbeddedServer({ dataDirectory }), startEmbeddedServer({ dataDirectory })])
    expect(servers[0].url).toBe(servers[1].url)
    expect(await query(servers[0].url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })
})

describe('removeEmbeddedServer', () => {
  it('leaves neither the process nor its files', async () => {
    const dataDirectory = await newDataDirectory()
    await startEmbeddedServer({ dataDirectory })
    const pid = await pidOf(dataDirectory)
    await removeEmbeddedServer(dataDirectory)
    expect(await isProcessAlive(pid)).toBe(false)
    await expect(stat(locateEmbedded(dataDirectory, runsAsRoot()).home)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
