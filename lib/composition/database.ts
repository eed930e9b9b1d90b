/** The installation's database, migrated: a server that is named in the settings, or the embedded one. */
import type { Settings } from '../config.ts'
import { startEmbeddedServer } from '../store/embedded/server.ts'
import { migrateDatabase } from '../store/migrate.ts'
import { StartRefused } from './start-refused.ts'

export interface OpenDatabase {
  /** postgres://... with the password in it: never log it. */
  url: string
  /** Names of the migrations that were missing. */
  applied: string[]
  /** Stops the embedded server; leaves another one alone. */
  close(): Promise<void>
}

/** Throws StartRefused when the named one does not answer or cannot be migrated. */
export async function openDatabase(settings: Pick<Settings, 'databaseUrl' | 'dataDirectory'>): Promise<OpenDatabase> {
  if (settings.databaseUrl !== null) {
    const { applied } = await migrateDatabase(settings.databaseUrl).catch(refuseNamed)
    return { url: settings.databaseUrl, applied, close: async () => {} }
  }
  const server = await startEmbeddedServer({ dataDirectory: settings.dataDirectory })
  try {
    const { applied } = await migrateDatabase(server.url)
    return { url: server.url, applied, close: server.stop }
  } catch (error) {
    await server.stop()
    throw error
  }
}

function refuseNamed(error: unknown): never {
  const words = error instanceof Error ? error.message : String(error)
  throw new StartRefused(
    `The database that DATABASE_URL names cannot be used: ${asOneLine(words)} Leave DATABASE_URL empty to have an embedded one.`,
    { cause: error },
  )
}

function asOneLine(words: string): string {
  const lines = words.split('\n').map((line) => line.trim())
  return lines
    .filter((line) => line !== '')
    .map((line) => (/[.:!?]$/.test(line) ? line : `${line}.`))
    .join(' ')
}
