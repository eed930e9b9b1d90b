/** What a database is like, for who checks a set-up: asks, and changes nothing. */
import pg from 'pg'
import { readMigrations } from './schema-engine/migrations-folder.ts'

export interface DatabaseState {
  /** e.g. "18.4" */
  version: string
  /** e.g. 180004 */
  versionNumber: number
  /** e.g. "UTF8" */
  encoding: string
  /** False where nothing can be written: a replica, or a user without the right to make tables. */
  writable: boolean
  /** Migrations of this version of Berth that it lacks, oldest first. All of them: nothing of Berth's is in it yet. */
  pending: string[]
  /** Migrations that this version does not know: a newer one made them. */
  unknown: string[]
  /** Migrations that began and did not end. */
  failed: string[]
  /** What makes the sandboxes of the installation, chosen at its first start; null: nothing yet. */
  driver: string | null
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
    migrated: boolean
    installed: boolean
  }>(`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
      current_setting('server_encoding') AS encoding,
      NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
        AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS writable,
      to_regclass('"_prisma_migrations"') IS NOT NULL AS migrated, to_regclass('"Installation"') IS NOT NULL AS installed`)
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
    pending: known.filter((name) => !ended.has(name)),
    unknown: [...ended].filter((name) => !known.includes(name)),
    failed: applied.filter(({ name, ended: hasEnded }) => !hasEnded && !ended.has(name)).map(({ name }) => name),
    driver: row.installed ? await readDriver(client) : null,
  }
}

async function readDriver(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query<{ driver: string | null }>('SELECT driver FROM "Installation" LIMIT 1')
  return rows[0]?.driver ?? null
}

/** One that failed and was rolled back by hand is as if it had never begun. */
async function readApplied(client: pg.Client): Promise<{ name: string; ended: boolean }[]> {
  const { rows } = await client.query<{ name: string; ended: boolean }>(`
    SELECT migration_name AS name, finished_at IS NOT NULL AS ended
    FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY migration_name`)
  return rows
}
