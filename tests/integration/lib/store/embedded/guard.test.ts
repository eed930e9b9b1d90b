import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { locateEmbedded, runsAsRoot } from '../../../../../lib/store/embedded/location.ts'
import { isProcessAlive, readPostmaster } from '../../../../../lib/store/embedded/postmaster.ts'
import { removeEmbeddedServer, startEmbeddedServer } from '../../../../../lib/store/embedded/server.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) {
    await removeEmbeddedServer(folder)
    await rm(folder, { recursive: true, force: true })
  }
})

async function startGuarded() {
  const dataDirectory = await mkdtemp(path.join(tmpdir(), 'berth-guard-'))
  folders.push(dataDirectory)
  const trouble: string[] = []
  const server = await startEmbeddedServer({ dataDirectory, onTrouble: (words) => trouble.push(words) })
  const pid = async () => (await readPostmaster(locateEmbedded(dataDirectory, runsAsRoot()).cluster))?.pid ?? 0
  return { server, pid, trouble }
}

async function canQuery(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => false)
  try {
    await client.connect()
    return (await client.query('SELECT 1 AS one')).rows[0]?.one === 1
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  } finally {
    await client.end()
  }
}

describe('an embedded server that is guarded', () => {
  it('is there again at the same address after kill -9, and says so', async () => {
    const { server, pid, trouble } = await startGuarded()
    const before = await pid()
    process.kill(before, 'SIGKILL')
    await expect.poll(() => isProcessAlive(before), { timeout: 10_000 }).toBe(false)
    await expect.poll(() => canQuery(server.url), { timeout: 15_000 }).toBe(true)
    expect(await pid()).not.toBe(before)
    expect(trouble).toEqual(['The embedded database has ended; it is started again.'])
    await server.stop()
  })

  it('stays stopped once it was stopped', async () => {
    const { server, pid, trouble } = await startGuarded()
    const running = await pid()
    await server.stop()
    expect(await isProcessAlive(running)).toBe(false)
    expect(await canQuery(server.url)).toBe(false)
    expect(trouble).toEqual([])
  })
})
