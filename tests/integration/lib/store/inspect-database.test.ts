import { createServer } from 'node:net'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { inspectDatabase } from '../../../../lib/store/inspect-database.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../support/database.ts'

const TIMEOUT_MS = 5_000
const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function kept(making: Promise<TestDatabase>): Promise<string> {
  const database = await making
  cleanups.push(database.close)
  return database.url
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

describe('inspectDatabase', () => {
  it('tells a migrated database from an empty one, and makes nothing in it', async () => {
    const migrated = await inspectDatabase(await kept(createTestDatabase()), TIMEOUT_MS)
    expect(migrated).toMatchObject({ encoding: 'UTF8', writable: true, pending: [], unknown: [], failed: [] })
    expect(migrated.driver).toBeNull()
    expect(migrated.version).toMatch(/^\d+\.\d+$/)
    expect(Math.floor(migrated.versionNumber / 10_000)).toBe(Number.parseInt(migrated.version, 10))
    const url = await kept(createEmptyDatabase())
    const empty = await inspectDatabase(url, TIMEOUT_MS)
    expect(empty.pending[0]).toMatch(/_init$/)
    expect([migrated.foreign, empty.foreign]).toEqual([false, false])
    expect(await query(url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([])
  })

  it("knows another program's database", async () => {
    const url = await kept(createEmptyDatabase())
    await query(url, 'CREATE TABLE invoices (id int)')
    expect(await inspectDatabase(url, TIMEOUT_MS)).toMatchObject({ foreign: true })
  })

  it('names the migrations that are missing, those of a newer version, and those that did not end', async () => {
    const url = await kept(createTestDatabase())
    await query(
      url,
      `DELETE FROM "_prisma_migrations" WHERE migration_name LIKE '%_init';
       INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at) VALUES ('a', 'x', '29990101000000_later', now());
       INSERT INTO "_prisma_migrations" (id, checksum, migration_name) VALUES ('b', 'x', '29990102000000_broken');
       INSERT INTO "_prisma_migrations" (id, checksum, migration_name, rolled_back_at) VALUES ('c', 'x', '29990103000000_undone', now())`,
    )
    await query(url, `INSERT INTO "Installation" ("key", "id", "driver") VALUES (1, 'ins_1', 'process')`)
    expect(await inspectDatabase(url, TIMEOUT_MS)).toMatchObject({
      driver: 'process',
      pending: [expect.stringMatching(/_init$/)],
      unknown: ['29990101000000_later'],
      failed: ['29990102000000_broken'],
    })
  })

  it('sees that nothing can be written', async () => {
    const url = new URL(await kept(createTestDatabase()))
    url.searchParams.set('options', '-c default_transaction_read_only=on')
    expect(await inspectDatabase(url.href, TIMEOUT_MS)).toMatchObject({ writable: false })
  })

  it('gives up in time on a server that never answers, and passes on why one refuses', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => void silent.close())
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(inspectDatabase(`postgres://u:p@127.0.0.1:${port}/x`, 200)).rejects.toThrow()
    const url = new URL(await kept(createTestDatabase()))
    url.password = 'wrong'
    await expect(inspectDatabase(url.href, TIMEOUT_MS)).rejects.toMatchObject({ code: '28P01' })
    await expect(inspectDatabase('postgres://u:p@127.0.0.1:1/x', TIMEOUT_MS)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })
})
