/** What a database is like, for who checks a set-up: asks, and changes nothing. */
import pg from 'pg'
import { readMigrations } from './schema-engine/migrations-folder.ts'
import type { InstallationIdentity } from './stores.ts'

export interface DatabaseState {
  /** e.g. "18.4" */
  version: string
  /** e.g. 180004 */
  versionNumber: number
  /** e.g. "UTF8" */
  encoding: string
  /** False where nothing can be written: a replica, or a user without the right to make tables. */
  writable: boolean
  /** Tables are in it, and no record of Berth's migrations. */
  foreign: boolean
  /** Migrations of this version of Berth that it lacks, oldest first. All of them: nothing of Berth's is in it yet. */
  pending: string[]
  /** Migrations that this version does not know: a newer one made them. */
  unknown: string[]
  /** Migrations that began and did not end. */
  failed: string[]
  /** What makes the sandboxes of the installation, chosen at its first start; null: nothing yet. */
  driver: string | null
  /** As the installation keeps it; null: nothing yet. */
  identity: InstallationIdentity | null
  /** Which server and database this is. */
  server: { server: string; database: string }
}

/** Rejects with the driver's error (a `code` of the system or of PostgreSQL), or an Error when there is no answer in time. */
export async function inspectDatabase(url: string, timeoutMs: number): Promise<DatabaseState> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: 'berth doctor',
  })
  // A session that the server ends is told twice: by the query that fails, which is enough, and by this event.
  client.on('error', () => false)
  try {
    await client.connect()
    return await readState(client)
  } finally {
    await client.end()
  }
}

async function readState(client: pg.Client): Promise<DatabaseState> {
  const { rows } = await client.query<{
    version: string
    number: number
    encoding: string
    writable: boolean
    foreign: boolean
    migrated: boolean
    installed: boolean
    server: string
    database: string
  }>(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('server_encoding') AS encoding,
      NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
        AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS writable,
      to_regclass('"_prisma_migrations"') IS NULL
        AND EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema()) AS foreign,
      to_regclass('"_prisma_migrations"') IS NOT NULL AS migrated, to_regclass('"Installation"') IS NOT NULL AS installed,
      (SELECT system_identifier::text FROM pg_control_system()) AS server, current_database()::text AS database`)
  const [row] = rows
  if (row === undefined) throw new Error('The server answered a question with nothing.')
  const known = (await readMigrations()).migrationDirectories.map(({ path }) => path)
  const applied = row.migrated ? await readApplied(client) : []
  const ended = new Set(applied.filter(({ ended }) => ended).map(({ name }) => name))
  return {
    version: row.version.split(' ')[0] ?? row.version,
    versionNumber: row.number,
    encoding: row.encoding,
    writable: row.writable,
    foreign: row.foreign,
    pending: known.filter((name) => !ended.has(name)),
    unknown: [...ended].filter((name) => !known.includes(name)),
    failed: applied.filter(({ name, ended: hasEnded }) => !hasEnded && !ended.has(name)).map(({ name }) => name),
    ...(row.installed ? await readInstallation(client) : { driver: null, identity: null }),
    server: { server: row.server, database: row.database },
  }
}

/** Columns that a pending migration adds are as if they were empty. */
async function readInstallation(client: pg.Client): Promise<Pick<DatabaseState, 'driver' | 'identity'>> {
  const { rows } = await client.query<{ kept: Record<string, string | null> }>(
    'SELECT to_jsonb(i) AS kept FROM "Installation" i LIMIT 1',
  )
  const { driver = null, place = null, keyCheck = null } = rows[0]?.kept ?? {}
  return { driver, identity: place === null || keyCheck === null ? null : { place, keyCheck } }
}

/** One that failed and was rolled back by hand is as if it had never begun. */
async function readApplied(client: pg.Client): Promise<{ name: string; ended: boolean }[]> {
  const { rows } = await client.query<{ name: string; ended: boolean }>(`
    SELECT migration_name AS name, finished_at IS NOT NULL AS ended
    FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY migration_name`)
  return rows
}
