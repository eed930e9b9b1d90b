/** One PostgreSQL for the whole test run, in a temporary place, with a migrated database for the tests' own to be cloned from. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { removeEmbeddedServer, startEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { migrateDatabase } from '../../lib/store/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** postgres://... of the migrated template. */
    templateDatabaseUrl: string
  }
}

/** Nothing here outlives the run: what makes a database durable only makes tests slow. */
const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' }

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const dataDirectory = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-test-database-')))
  const remove = async () => {
    await removeEmbeddedServer(dataDirectory)
    await rm(dataDirectory, { recursive: true, force: true })
  }
  try {
    const server = await startEmbeddedServer({ dataDirectory, settings: FAST })
    await migrateDatabase(server.url)
    project.provide('templateDatabaseUrl', server.url)
  } catch (error) {
    await remove()
    throw error
  }
  return remove
}
