/** The installation's database, migrated: a server that is named in the settings, or the embedded one. */
import type { Settings } from '../config.ts'
import { awaitServer, ServerUnusable } from '../store/await-server.ts'
import { EmbeddedProblem } from '../store/embedded/problem.ts'
import { type EmbeddedServer, startEmbeddedServer } from '../store/embedded/server.ts'
import { MigrationRefused, migrateDatabase } from '../store/migrate.ts'
import { inWords } from './in-words.ts'
import { StartRefused } from './start-refused.ts'

export interface OpenDatabase {
  /** postgres://... with the password in it: never log it. */
  url: string
  /** Names of the migrations that were missing. */
  applied: string[]
  /** Stops the embedded server; leaves another one alone. */
  close(): Promise<void>
}

export interface OpenDatabaseOptions {
  /** How long a named server that is not there is waited for. */
  waitMs?: number
  /** What is waited for, in words. */
  onWait?(line: string): void
  /** Keeps the embedded server up until `close`, and is told when it ended by itself. */
  onTrouble?: (words: string, error?: unknown) => void
  signal?: AbortSignal
}

/** Services are started in any order: a server may need this long to recover after a crash. */
const WAIT_MS = 60_000

/** Throws StartRefused when there is none that can be used, or it cannot be migrated. */
export async function openDatabase(
  settings: Pick<Settings, 'databaseUrl' | 'dataDirectory'>,
  options: OpenDatabaseOptions = {},
): Promise<OpenDatabase> {
  if (settings.databaseUrl !== null) return openNamed(settings.databaseUrl, options)
  const server = await startEmbedded(settings.dataDirectory, options)
  try {
    const { applied } = await migrateDatabase(server.url).catch(refuseMigration)
    return { url: server.url, applied, close: server.stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}

async function startEmbedded(dataDirectory: string, { onTrouble }: OpenDatabaseOptions): Promise<EmbeddedServer> {
  try {
    return await inWords({ what: 'The embedded database', folder: dataDirectory }, () =>
      startEmbeddedServer({ dataDirectory, ...(onTrouble && { onTrouble }) }),
    )
  } catch (error) {
    if (!(error instanceof EmbeddedProblem)) throw error
    throw new StartRefused(error.message, { cause: error })
  }
}

async function openNamed(url: string, options: OpenDatabaseOptions): Promise<OpenDatabase> {
  const { waitMs = WAIT_MS, onWait = () => {}, signal = new AbortController().signal } = options
  try {
    await awaitServer({ url, timeoutMs: waitMs, onWait, signal })
  } catch (error) {
    if (!(error instanceof ServerUnusable)) throw error
    throw new StartRefused(`${error.message} ${CURE}`, { cause: error })
  }
  const { applied } = await migrateDatabase(url).catch(refuseMigration)
  return { url, applied, close: async () => {} }
}

const CURE = 'Correct DATABASE_URL or the server; without DATABASE_URL Berth has an embedded database.'

function refuseMigration(error: unknown): never {
  if (!(error instanceof MigrationRefused)) throw error
  throw new StartRefused(error.message, { cause: error })
}
