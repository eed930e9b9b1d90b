/** One PostgreSQL for the whole test run, in a temporary place, with a migrated database for the tests' own to be cloned from. */
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { isProcessAlive } from '../../lib/store/embedded/postmaster.ts'
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

const PREFIX = 'berth-test-database-'

/** A run that was killed could not remove its server: its folder's name says whose it was. */
async function sweepAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : Number.NaN
    if (!Number.isInteger(pid) || (await isProcessAlive(pid))) continue
    await removeEmbeddedServer(path.join(folder, name))
    await rm(path.join(folder, name), { recursive: true, force: true })
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(tmpdir())
  await sweepAbandoned(folder)
  const dataDirectory = await mkdtemp(path.join(folder, `${PREFIX}${process.pid}-`))
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
