import { execFile } from 'node:child_process'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createPrismaClient } from '../../../../lib/store/client.ts'
import { createEmptyDatabase, type TestDatabase } from '../../../support/database.ts'

const root = path.resolve(import.meta.dirname, '../../../..')
const databases: TestDatabase[] = []
afterEach(async () => {
  for (const database of databases.splice(0)) await database.close()
})

/** The command line of Prisma, as a developer runs it, with the engine that prisma.config.ts names. */
function prisma(databaseUrl: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const file = path.join(root, 'node_modules/prisma/build/index.js')
  const env = {
    PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`,
    DATABASE_URL: databaseUrl,
    CHECKPOINT_DISABLE: '1',
    NODE_ENV: 'test' as const,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    })
  })
}

describe("Prisma's command line on our schema engine", () => {
  it('deploys the migrations for real, and then sees that nothing is left', async () => {
    const database = await createEmptyDatabase()
    databases.push(database)
    const before = await prisma(database.url, 'migrate', 'status')
    expect(before.code, before.output).toBe(1)
    const deployed = await prisma(database.url, 'migrate', 'deploy')
    expect(deployed.code, deployed.output).toBe(0)
    const client = createPrismaClient(database.url)
    expect(await client.agent.count()).toBe(0)
    await client.$disconnect()
    const after = await prisma(database.url, 'migrate', 'status')
    expect(after.output).toContain('Database schema is up to date')
  })

  it('fails, and names the address, when the database does not answer', async () => {
    const { code, output } = await prisma('postgres://berth@127.0.0.1:1/berth', 'migrate', 'deploy')
    expect(code).toBe(1)
    expect(output).toContain('127.0.0.1:1')
  })
})
