/** A database is used by the installation that it belongs to, and by no copy of it. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimInstallation } from '../../../../lib/composition/claim-installation.ts'
import { readIdentity } from '../../../../lib/composition/identity.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'
import { createPrismaClient } from '../../../../lib/store/client.ts'
import { createStores } from '../../../../lib/store/prisma-stores.ts'
import type { InstallationStore } from '../../../../lib/store/stores.ts'
import { testSettings } from '../../../support/control-plane.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../support/database.ts'

const databases: TestDatabase[] = []
let database: TestDatabase

beforeEach(async () => {
  database = await createTestDatabase()
  databases.push(database)
})
afterEach(async () => {
  for (const each of databases.splice(0)) await each.close()
})

const settingsOf = (url: string, secretKey: string) => ({
  ...testSettings,
  databaseUrl: url,
  secretKey,
  sessionSecret: 'n'.repeat(64),
})
const KEY = 'k'.repeat(64)
const claim = (url: string, secretKey = KEY) =>
  claimInstallation({ settings: settingsOf(url, secretKey), databaseUrl: url })
const refusalOf = async (claimed: Promise<void>) => {
  const error = await claimed.then(
    () => expect.fail('It was not refused.'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StartRefused)
  return (error as StartRefused).message
}

async function copy(url: string): Promise<string> {
  const made = await createEmptyDatabase(`TEMPLATE "${new URL(url).pathname.slice(1)}"`)
  databases.push(made)
  return made.url
}

async function withInstallation<T>(url: string, work: (store: InstallationStore) => Promise<T>): Promise<T> {
  const client = createPrismaClient(url)
  try {
    return await work(createStores(client).installation)
  } finally {
    await client.$disconnect()
  }
}

/** What `npm run installation -- adopt` does. */
const adopt = (url: string, secretKey = KEY) =>
  withInstallation(url, async (store) => {
    const { id } = await store.ensure('ins_unused')
    await store.replace({ id, ...(await readIdentity(settingsOf(url, secretKey), store)) })
  })

describe('the database of an installation', () => {
  it('is used start after start, and by several control planes with one key', async () => {
    for (let start = 0; start < 3; start += 1) await claim(database.url)
  })

  it('is used by a role without any special right', async () => {
    const role = `role_${randomUUID().replaceAll('-', '')}`
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`)
    await client.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'x'
    await claim(url.href)
    await client.query(`DROP OWNED BY ${role}`)
    await client.query(`DROP ROLE ${role}`)
    await client.end()
  })

  it('that is a copy is refused, with where the other is and both ways on', async () => {
    await claim(database.url)
    const words = await refusalOf(claim(await copy(database.url)))
    expect(words).toContain(`"${new URL(database.url).pathname.slice(1)}"`)
    expect(words).toContain('npm run installation -- adopt')
    expect(words).toContain('npm run installation -- separate')
    await claim(database.url)
  })

  it('that was moved is used when it was adopted', async () => {
    await claim(database.url)
    const moved = await copy(database.url)
    await adopt(moved)
    await claim(moved)
  })

  it('is refused to another secret key, until it is adopted', async () => {
    await claim(database.url)
    const words = await refusalOf(claim(database.url, 'another key '.repeat(5)))
    expect(words).toContain('BERTH_SECRET_KEY')
    expect(words).toContain('npm run installation -- adopt')
    expect(words).not.toContain(KEY)
    await adopt(database.url, 'another key '.repeat(5))
    await claim(database.url, 'another key '.repeat(5))
  })
})
