/** The server's process: finds one that answers, starts one, ends one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { SERVER_ENVIRONMENT, SUPERUSER } from './cluster.ts'
import type { EmbeddedLocation } from './location.ts'
import { disownPidFile, isProcessAlive, isServerOf, readPostmaster } from './postmaster.ts'
import { EmbeddedProblem } from './problem.ts'
import type { Programs } from './programs.ts'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
const POLL_MS = 20
const LOG_TAIL_LINES = 15

export interface Address {
  port: number
  password: string
  database: string
}

/** postgres://... with the password in it. */
export const urlOf = ({ port, password, database }: Address) =>
  `postgres://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`

/** The port of a server that answers on this very cluster; waits while one is starting or ending. */
export async function findAnswering(
  location: Pick<EmbeddedLocation, 'cluster' | 'logFile'>,
  password: string,
): Promise<number | null> {
  const deadline = performance.now() + STOP_TIMEOUT_MS
  while (performance.now() < deadline) {
    const postmaster = await readPostmaster(location.cluster)
    if (postmaster === null) return null
    if (postmaster.isReady && (await answersFor(location.cluster, postmaster.port, password))) return postmaster.port
    if (!(await isServerOf(location.cluster, postmaster.pid))) {
      if (await isProcessAlive(postmaster.pid)) await disownPidFile(location.cluster)
      return null
    }
    await sleep(POLL_MS)
  }
  throw new EmbeddedProblem(
    `The embedded PostgreSQL in ${location.cluster} runs but does not answer.${await logTail(location.logFile)}`,
  )
}

async function answersFor(cluster: string, port: number, password: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: urlOf({ port, password, database: 'postgres' }) })
  // A session that the server ends is told twice: by the query that fails, which is enough, and by this event.
  client.on('error', () => false)
  try {
    await client.connect()
    const { rows } = await client.query("SELECT current_setting('data_directory') AS directory")
    return rows[0]?.directory === cluster
  } catch (error) {
    if (isNotReady(error)) return false
    throw error
  } finally {
    await client.end()
  }
}

/** Nobody there, or a server that is starting, stopping (57P0x) or another one that does not know the password (28P01). */
function isNotReady(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['ECONNREFUSED', 'ECONNRESET', '57P01', '57P02', '57P03', '28P01', '28000'].includes(code)
}

export interface Start {
  location: EmbeddedLocation
  programs: Programs
  password: string
  settings: Record<string, string>
}

/**
 * Tries until the deadline: a port may be taken meanwhile, and a killed server's processes hold the cluster for a moment. With
 * `fixedPort` at that port or not at all.
 */
export async function startUntilReady(start: Start, fixedPort?: number): Promise<number> {
  const deadline = performance.now() + START_TIMEOUT_MS
  let attempt = 0
  while (true) {
    attempt += 1
    const port = fixedPort ?? (await findFreePort())
    if (await startOnce(start, { port, deadline })) return port
    const other = await findAnswering(start.location, start.password)
    if (other !== null && (fixedPort ?? other) === other) return other
    if (performance.now() > deadline || attempt === 10) {
      throw new EmbeddedProblem(`The embedded PostgreSQL does not start.${await logTail(start.location.logFile)}`)
    }
    await sleep(attempt * 100)
  }
}

/** True when the server is ready, false when it ended before it was. */
async function startOnce(start: Start, attempt: { port: number; deadline: number }): Promise<boolean> {
  const { location } = start
  const server = await spawnServer(start, attempt.port)
  let hasEnded = false
  server.once('exit', () => {
    hasEnded = true
  })
  while (!hasEnded) {
    const postmaster = await readPostmaster(location.cluster)
    if (postmaster?.isReady && postmaster.pid === server.pid) return true
    if (performance.now() > attempt.deadline) {
      server.kill('SIGQUIT')
      return false
    }
    await sleep(POLL_MS)
  }
  return false
}

/** In a session of its own, so that a Ctrl+C in the terminal does not reach it; its output goes to its log alone. */
async function spawnServer({ location, programs, settings }: Start, port: number): Promise<ChildProcess> {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    ...settings,
  }
  const log = await open(location.logFile, 'a', 0o600)
  try {
    const server = spawn(
      programs.postgres,
      ['-D', location.cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        cwd: location.home,
        env: SERVER_ENVIRONMENT,
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        ...(location.user ?? {}),
      },
    )
    await new Promise<void>((resolve, reject) => {
      server.once('spawn', resolve)
      server.once('error', (cause) =>
        reject(
          new EmbeddedProblem(`The embedded PostgreSQL cannot be run (${programs.postgres}): ${cause.message}.`, {
            cause,
          }),
        ),
      )
    })
    server.unref()
    return server
  } finally {
    await log.close()
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(new Error('The system named no free port.'))
      })
    })
  })
}

/** SIGINT is PostgreSQL's "fast" shutdown: ends sessions, writes a checkpoint. SIGQUIT leaves that to the next start's recovery. */
export async function stopServer(cluster: string): Promise<void> {
  const postmaster = await readPostmaster(cluster)
  if (postmaster === null || !(await isServerOf(cluster, postmaster.pid))) return
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(postmaster.pid, signal)
    const deadline = performance.now() + STOP_TIMEOUT_MS
    while (performance.now() < deadline) {
      if (!(await isServerOf(cluster, postmaster.pid))) return
      await sleep(POLL_MS)
    }
  }
  throw new EmbeddedProblem(`The embedded PostgreSQL (process ${postmaster.pid}) does not end.`)
}

/** The end of the server's own log, for an error's message. */
async function logTail(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch((error: unknown) => `(no log: ${String(error)})`)
  return ` The end of ${logFile}:\n${text.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')}`
}
