/**
 * The embedded PostgreSQL of a data folder: starts it, finds one that outlived a killed control plane, stops it. It answers
 * this machine only, on a free port, with a random password. Knows nothing of tables.
 */
import { rm } from 'node:fs/promises'
import pg from 'pg'
import { ensureCluster, readPassword } from './cluster.ts'
import { guardServer } from './guard.ts'
import { forgetLocation, locateEmbedded, prepareLocation, rememberLocation, runsAsRoot } from './location.ts'
import { preparePrograms } from './programs.ts'
import { findAnswering, startUntilReady, stopServer, urlOf } from './server-process.ts'

/** Of the installation, in the cluster. */
export const DATABASE = 'berth'

export interface EmbeddedOptions {
  /** Absolute. */
  dataDirectory: string
  /** More server settings, e.g. `{ fsync: 'off' }` for tests. */
  settings?: Record<string, string>
  /** Keeps the server up until `stop`; told when it ended by itself. Without it, a server that ends stays so. */
  onTrouble?: (words: string, error?: unknown) => void
}

export interface EmbeddedServer {
  /** postgres://... of the installation's database, password included: never log it. */
  url: string
  /** True when the server ran already. */
  wasRunning: boolean
  /** Ends the server after what is written is on disk. Idempotent. */
  stop(): Promise<void>
}

/**
 * Makes what is missing, starts the server unless it runs, and answers when the installation's database can be used. Throws
 * EmbeddedProblem, or the system's error where a file cannot be read or written.
 */
export async function startEmbeddedServer(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const location = await prepareLocation(options.dataDirectory)
  const programs = await preparePrograms(location.programs)
  const password = await ensureCluster(location, programs)
  await rememberLocation(options.dataDirectory, location)
  const running = await findAnswering(location, password)
  const start = { location, programs, password, settings: options.settings ?? {} }
  const port = running ?? (await startUntilReady(start))
  await ensureDatabase(urlOf({ port, password, database: 'postgres' }))
  const endGuard =
    options.onTrouble &&
    guardServer({
      cluster: location.cluster,
      restart: async () => void (await startUntilReady(start, port)),
      onTrouble: options.onTrouble,
    })
  return {
    url: urlOf({ port, password, database: DATABASE }),
    wasRunning: running !== null,
    async stop() {
      await endGuard?.()
      await stopServer(location.cluster)
    },
  }
}

/** The address of the data folder's server when it runs and answers, else null. Starts and makes nothing. */
export async function findEmbeddedServer(dataDirectory: string): Promise<string | null> {
  const location = locateEmbedded(dataDirectory, runsAsRoot())
  const password = await readPassword(location.cluster)
  if (password === null) return null
  const port = await findAnswering(location, password)
  return port === null ? null : urlOf({ port, password, database: DATABASE })
}

/** Stops the server of a data folder and deletes its files: all data is gone. For demos and tests. */
export async function removeEmbeddedServer(dataDirectory: string): Promise<void> {
  const { home, cluster } = locateEmbedded(dataDirectory, runsAsRoot())
  await stopServer(cluster)
  await rm(home, { recursive: true, force: true })
  await forgetLocation(dataDirectory)
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // Of two callers the second one waits here, and then finds it made. The lock ends with the session.
    await client.query('SELECT pg_advisory_lock(1)')
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`CREATE DATABASE "${DATABASE}"`)
  } finally {
    await client.end()
  }
}
