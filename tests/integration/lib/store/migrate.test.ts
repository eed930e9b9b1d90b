import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../../../lib/store/client.ts'
import { diffWithSchema } from '../../../../lib/store/create-migration.ts'
import { MigrationRefused, migrateDatabase } from '../../../../lib/store/migrate.ts'
import { withSchemaEngine } from '../../../../lib/store/schema-engine/engine.ts'
import { readMigrations } from '../../../../lib/store/schema-engine/migrations-folder.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../support/database.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase()
  cleanups.push(database.close)
  return database
}

async function migrationsOf(scripts: Record<string, string>): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'berth-migrations-'))
  cleanups.push(() => rm(directory, { recursive: true }))
  for (const [name, script] of Object.entries(scripts)) {
    await mkdir(path.join(directory, name))
    await writeFile(path.join(directory, name, 'migration.sql'), script)
  }
  return directory
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

describe('migrateDatabase', () => {
  it('applies every migration to an empty database, and nothing the second time', async () => {
    const { url } = await emptyDatabase()
    const first = await migrateDatabase(url)
    expect(first.applied.at(0)).toMatch(/^\d{14}_init$/)
    expect(await migrateDatabase(url)).toEqual({ applied: [] })
    expect(await query(url, 'SELECT count(*)::int AS agents FROM "Agent"')).toEqual([{ agents: 0 }])
  })

  it('leaves no connection and no lock behind, so that the next call need not wait', async () => {
    const { url } = await emptyDatabase()
    await migrateDatabase(url)
    expect(
      await query(
        url,
        'SELECT count(*)::int AS others FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      ),
    ).toEqual([{ others: 0 }])
    expect(await query(url, "SELECT count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory'")).toEqual([
      { locks: 0 },
    ])
  })

  it('lets two control planes migrate at once: each migration is applied once', async () => {
    const { url } = await emptyDatabase()
    const results = await Promise.all([migrateDatabase(url), migrateDatabase(url)])
    const applied = results.flatMap((result) => result.applied)
    expect(applied.length).toBeGreaterThan(0)
    expect(new Set(applied).size).toBe(applied.length)
  })

  it('runs a script as it is written, semicolons in strings and function bodies included', async () => {
    const { url } = await emptyDatabase()
    const directory = await migrationsOf({
      '20260101000000_semicolons': `CREATE TABLE note (body text DEFAULT 'a;b');
        CREATE FUNCTION add_note() RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO note DEFAULT VALUES; END; $$;
        SELECT add_note();`,
    })
    await migrateDatabase(url, { directory })
    expect(await query(url, 'SELECT body FROM note')).toEqual([{ body: 'a;b' }])
  })

  it('rolls a failing migration back, names the cause, and tries it again', async () => {
    const { url } = await emptyDatabase()
    const directory = await migrationsOf({
      '20260101000000_first': 'CREATE TABLE first (id int);',
      '20260102000000_fails': 'CREATE TABLE half (id int); INSERT INTO missing VALUES (1);',
    })
    const words =
      'The migration 20260102000000_fails failed, and was rolled back: relation "missing" does not exist (42P01).'
    for (const attempt of [1, 2]) {
      const error: unknown = await migrateDatabase(url, { directory }).catch((reason: unknown) => reason)
      expect(error, `attempt ${attempt}`).toBeInstanceOf(MigrationRefused)
      expect(error).toMatchObject({ message: words })
    }
    expect(await query(url, "SELECT to_regclass('first') AS first, to_regclass('half') AS half")).toEqual([
      { first: 'first', half: null },
    ])
    await query(url, 'CREATE TABLE missing (id int)')
    expect(await migrateDatabase(url, { directory })).toEqual({ applied: ['20260102000000_fails'] })
  })

  it("says what to do about another program's tables", async () => {
    const { url } = await emptyDatabase()
    await query(url, 'CREATE TABLE "User" (id int)')
    await expect(migrateDatabase(url)).rejects.toThrow(
      'relation "User" already exists (42P07). It is of another program: give Berth a database of its own.',
    )
  })

  it('takes up what an older version began and was killed in', async () => {
    const { url } = await emptyDatabase()
    const directory = await migrationsOf({ '20260101000000_first': 'CREATE TABLE first (id int);' })
    await migrateDatabase(url, { directory })
    await query(url, 'UPDATE "_prisma_migrations" SET finished_at = NULL; DROP TABLE first')
    expect(await migrateDatabase(url, { directory })).toEqual({ applied: ['20260101000000_first'] })
  })

  it('leaves the whole migration undone when its session is cut, and applies it the next time', async () => {
    const { url } = await emptyDatabase()
    const directory = await migrationsOf({
      '20260101000000_slow': 'CREATE TABLE made (id int); SELECT pg_sleep(60); CREATE TABLE made_too (id int);',
    })
    const migrating = migrateDatabase(url, { directory }).catch((reason: unknown) => reason)
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event = 'PgSleep'`
    await expect.poll(() => query(url, cut), { timeout: 10_000 }).toHaveLength(1)
    expect(await migrating).toBeInstanceOf(Error)
    expect(await query(url, "SELECT to_regclass('made') AS made")).toEqual([{ made: null }])
    await writeFile(path.join(directory, '20260101000000_slow', 'migration.sql'), 'CREATE TABLE made (id int)')
    expect(await migrateDatabase(url, { directory })).toEqual({ applied: ['20260101000000_slow'] })
  })

  it('refuses a database of a newer version, and leaves it as it is', async () => {
    const { url } = await emptyDatabase()
    const newer = await migrationsOf({
      '20260101000000_first': 'CREATE TABLE first (id int);',
      '20260202000000_newer': 'CREATE TABLE newer (id int);',
    })
    await migrateDatabase(url, { directory: newer })
    const older = await migrationsOf({
      '20260101000000_first': 'CREATE TABLE first (id int);',
      '20260103000000_other': 'CREATE TABLE other (id int);',
    })
    await expect(migrateDatabase(url, { directory: older })).rejects.toThrow(
      'The database is of a newer version of Berth: it has the migration 20260202000000_newer, which this one does not know. Use the newer version again (git pull), or another database.',
    )
    expect(await query(url, "SELECT to_regclass('other') AS other")).toEqual([{ other: null }])
  })

  it("keeps Prisma's record as its own command line does", async () => {
    const { url } = await emptyDatabase()
    await migrateDatabase(url)
    const migrations = await readMigrations()
    const applied = await withSchemaEngine({ url }, (engine) =>
      engine.applyMigrations({ migrationsList: migrations, filters: { externalTables: [], externalEnums: [] } }),
    )
    expect(applied.appliedMigrationNames).toEqual([])
  })

  it('names a server that does not answer', async () => {
    await expect(migrateDatabase('postgres://berth@127.0.0.1:1/berth')).rejects.toThrow(/127\.0\.0\.1/)
  })
})

describe('the migrations of this project', () => {
  it('lead to the schema: nothing is left to migrate', async () => {
    const { url } = await emptyDatabase()
    expect(await diffWithSchema(url)).toBeNull()
  })

  it('allow one open run for an agent, and any number of ended ones', async () => {
    const database = await createTestDatabase()
    cleanups.push(database.close)
    const definitions = await query(database.url, `SELECT indexdef FROM pg_indexes WHERE indexname = 'Run_one_open'`)
    expect(definitions).toEqual([{ indexdef: expect.stringContaining(`UNIQUE INDEX "Run_one_open"`) }])
  })
})

describe('createTestDatabase', () => {
  it('gives every caller a migrated database of its own', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
    cleanups.push(one.close, other.close)
    const client = createPrismaClient(one.url)
    cleanups.push(() => client.$disconnect())
    await client.installation.create({ data: { id: 'ins_1' } })
    expect(await client.installation.count()).toBe(1)
    expect(await query(other.url, 'SELECT count(*)::int AS n FROM "Installation"')).toEqual([{ n: 0 }])
  })
})
