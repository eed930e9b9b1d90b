import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../../../../lib/composition/command.ts'
import { openDatabase } from '../../../../lib/composition/database.ts'
import { takeInstanceLock } from '../../../../lib/composition/instance-lock.ts'
import { readSettings, type Settings } from '../../../../lib/config.ts'
import { findEmbeddedServer, removeEmbeddedServer } from '../../../../lib/store/embedded/server.ts'
import { createEmptyDatabase } from '../../../support/database.ts'

let folder = ''
let settings: Settings
beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-command-')))
  settings = readSettings({ NODE_ENV: 'test', BERTH_DATA_DIR: path.join(folder, 'data'), PORT: '3100' })
})
afterEach(async () => {
  await removeEmbeddedServer(settings.dataDirectory)
  await rm(folder, { recursive: true })
})

describe('runCommand', () => {
  it('starts the database that is down, and leaves it as it was', async () => {
    const installation = await runCommand(settings, (parts) => parts.stores.installation.ensure('ins_1'))
    expect(installation.id).toBe('ins_1')
    expect(await findEmbeddedServer(settings.dataDirectory)).toBeNull()
    const again = await runCommand(settings, (parts) => parts.stores.installation.ensure('ins_2'))
    expect(again.id).toBe('ins_1')
  })

  it('works beside a running control plane, on its database and with its address', async () => {
    const lock = await takeInstanceLock(settings.dataDirectory, new AbortController().signal)
    const database = await openDatabase(settings)
    await lock.tellDatabaseReady()
    await lock.tellAddress('http://127.0.0.1:4711')
    const baseUrl = await runCommand(settings, async (parts) => {
      await parts.stores.installation.ensure('ins_1')
      return parts.baseUrl
    })
    expect(baseUrl).toBe('http://127.0.0.1:4711')
    expect(await findEmbeddedServer(settings.dataDirectory)).toBe(database.url)
    await database.close()
    await lock.release()
  })

  it('lets go of everything when the work fails', async () => {
    const failing = runCommand(settings, async () => {
      throw new Error('no such person')
    })
    await expect(failing).rejects.toThrow('no such person')
    expect(await findEmbeddedServer(settings.dataDirectory)).toBeNull()
    expect(await runCommand(settings, async (parts) => parts.baseUrl)).toBe('http://127.0.0.1:3100')
  })

  it('uses the server that DATABASE_URL names', async () => {
    const database = await createEmptyDatabase()
    const named = { ...settings, databaseUrl: database.url }
    expect((await runCommand(named, (parts) => parts.stores.installation.ensure('ins_7'))).id).toBe('ins_7')
    expect(await findEmbeddedServer(settings.dataDirectory)).toBeNull()
    await database.close()
  })
})
