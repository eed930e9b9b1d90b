/** The installation's database, migrated: a server that is named in the settings, or the embedded one. */
import type { Settings } from '../config.ts'
import { startEmbeddedServer } from '../store/embedded/server.ts'
import { migrateDatabase } from '../store/migrate.ts'

export interface OpenDatabase {
  /** postgres://... with the password in it: never log it. */
  url: string
  /** Names of the migrations that were missing. */
  applied: string[]
  /** Stops the embedded server; leaves another one alone. */
  close(): Promise<void>
}

export async function openDatabase(settings: Pick<Settings, 'databaseUrl' | 'dataDirectory'>): Promise<OpenDatabase> {
  if (settings.databaseUrl !== null) {
    const { applied } = await migrateDatabase(settings.databaseUrl)
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
