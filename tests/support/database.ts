/** A database of a test file's own, cloned from the migrated template: real PostgreSQL, nothing shared, nothing left. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export interface TestDatabase {
  /** postgres://..., migrated and empty. */
  url: string
  /** Drops it, with whatever is still connected. */
  close(): Promise<void>
}

/** Takes some 30 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = new URL(inject('templateDatabaseUrl'))
  const own = new URL(template)
  own.pathname = `/test_${randomUUID().replaceAll('-', '')}`
  const name = own.pathname.slice(1)
  await runOnServer(`CREATE DATABASE "${name}" TEMPLATE "${template.pathname.slice(1)}"`)
  return { url: own.href, close: () => runOnServer(`DROP DATABASE "${name}" WITH (FORCE)`) }
}

/** An empty database without tables, on the same server. `how`: what stands behind CREATE DATABASE and its name. */
export async function createEmptyDatabase(how = ''): Promise<TestDatabase> {
  const own = new URL(inject('templateDatabaseUrl'))
  own.pathname = `/empty_${randomUUID().replaceAll('-', '')}`
  const name = own.pathname.slice(1)
  await runOnServer(`CREATE DATABASE "${name}" ${how}`)
  return { url: own.href, close: () => runOnServer(`DROP DATABASE "${name}" WITH (FORCE)`) }
}

/** From the maintenance database: the template must have no session when it is cloned. */
async function runOnServer(sql: string): Promise<void> {
  const server = new URL(inject('templateDatabaseUrl'))
  server.pathname = '/postgres'
  const client = new pg.Client({ connectionString: server.href })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
