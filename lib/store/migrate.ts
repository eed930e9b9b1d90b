/**
 * Brings a database to the schema of this version: applies the migrations of prisma/migrations that it does not have yet, and
 * keeps Prisma's own record of them. Each is one transaction together with its line in the record, so that whatever ends this
 * process ends between two migrations.
 */
import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import { migrationsDirectory, readMigrations } from './schema-engine/migrations-folder.ts'

export interface MigrateOptions {
  /** Absolute; default prisma/migrations of this project. */
  directory?: string
}

/** The database cannot be brought to this version; the message says why, and what to do where that is known. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused'
}

/** The key of Prisma's own lock (schema-engine, postgres connector), so that its command line and Berth wait for each other. */
const LOCK_KEY = 72_707_369

/** As Prisma makes it (schema-engine, sql-schema-connector). */
const RECORD = `CREATE TABLE "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`

interface Migration {
  name: string
  script: string
}

/**
 * Applies what is missing on the database at `url`, which must exist. Answers the names of the applied migrations, oldest
 * first; empty when the database is up to date. Throws MigrationRefused when one fails, which is then rolled back and tried
 * again by the next call, and for a database of a newer version, which is not touched.
 */
export async function migrateDatabase(url: string, options: MigrateOptions = {}): Promise<{ applied: string[] }> {
  const migrations = await listMigrations(options.directory ?? migrationsDirectory)
  const client = new pg.Client({ connectionString: url, application_name: 'berth migrations' })
  // A session that the server ends is told twice: by the query that fails, which is enough, and by this event.
  client.on('error', () => false)
  await client.connect()
  try {
    return await migrateWith(client, migrations)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    throw new MigrationRefused(`The tables of the database cannot be made: ${describe(error)}`, { cause: error })
  } finally {
    await client.end()
  }
}

async function migrateWith(client: pg.Client, migrations: Migration[]): Promise<{ applied: string[] }> {
  // Of several control planes the others wait here, and then find it done. The lock ends with the session.
  await client.query('SELECT pg_advisory_lock($1)', [LOCK_KEY])
  const missing = await findMissing(client, migrations)
  for (const migration of missing) await apply(client, migration)
  return { applied: missing.map(({ name }) => name) }
}

async function listMigrations(directory: string): Promise<Migration[]> {
  const { migrationDirectories } = await readMigrations(directory)
  return migrationDirectories.map(({ path: name, migrationFile }) => {
    if (migrationFile.content.tag !== 'ok') throw new MigrationRefused(`The migration ${name} cannot be read.`)
    return { name, script: migrationFile.content.value }
  })
}

async function findMissing(client: pg.Client, migrations: Migration[]): Promise<Migration[]> {
  // Asked first: making what is there needs rights, too.
  const { rowCount } = await client.query(`SELECT 1 WHERE to_regclass('"_prisma_migrations"') IS NULL`)
  if (rowCount === 1) await client.query(RECORD)
  // What began and did not end was rolled back with its transaction.
  await client.query(
    'UPDATE "_prisma_migrations" SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL',
  )
  const { rows } = await client.query<{ name: string }>(
    'SELECT migration_name AS name FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY migration_name',
  )
  const known = new Set(migrations.map(({ name }) => name))
  const unknown = rows.filter(({ name }) => !known.has(name)).at(-1)
  if (unknown !== undefined) {
    throw new MigrationRefused(
      `The database is of a newer version of Berth: it has the migration ${unknown.name}, which this one does not know. Use the newer version again (git pull), or another database.`,
    )
  }
  const applied = new Set(rows.map(({ name }) => name))
  return migrations.filter(({ name }) => !applied.has(name))
}

async function apply(client: pg.Client, { name, script }: Migration): Promise<void> {
  try {
    await client.query('BEGIN')
    // One simple query, as it is written: semicolons in strings and function bodies included.
    await client.query(script)
    await client.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), createHash('sha256').update(script).digest('hex'), name],
    )
    await client.query('COMMIT')
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    throw new MigrationRefused(`The migration ${name} failed, and was rolled back: ${describe(error)}`, {
      cause: error,
    })
  }
}

/** By PostgreSQL's codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CURES: Record<string, string> = {
  '42501': ' Let the user of the database own it.',
  '25006': ' It is a replica, or set to read-only: name the main server.',
  '42P07': ' It is of another program: give Berth a database of its own.',
  '42710': ' It is of another program: give Berth a database of its own.',
  '53100': ' The disk of the database is full: make room, and start again.',
  '53200': ' The server has too little memory.',
}

function describe({ message, code = 'no code' }: pg.DatabaseError): string {
  return `${message} (${code}).${CURES[code] ?? ''}`
}
