import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureSecrets } from '../../../../lib/composition/secrets.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'
import { readSettings } from '../../../../lib/config.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-secrets-'))
})
afterEach(() => rm(folder, { recursive: true }))

const settings = (more: Record<string, string> = {}) =>
  readSettings({ NODE_ENV: 'test', BERTH_DATA_DIR: path.join(folder, 'data'), ...more })
const secretsFolder = () => path.join(folder, 'data', 'secrets')

describe('ensureSecrets', () => {
  it('makes them once: the second start has the same ones', async () => {
    const first = await ensureSecrets(settings())
    const second = await ensureSecrets(settings())
    expect(first.secretKey).toHaveLength(43)
    expect(first.sessionSecret).not.toBe(first.secretKey)
    expect(second).toEqual(first)
  })

  it('keeps them for the owner alone, and leaves no drafts', async () => {
    await ensureSecrets(settings())
    const names = await readdir(secretsFolder())
    expect(names.sort()).toEqual(['secret-key', 'session-secret'])
    for (const name of names) {
      expect((await stat(path.join(secretsFolder(), name))).mode & 0o777).toBe(0o600)
    }
  })

  it('takes those that are set, and writes none', async () => {
    const given = settings({ BERTH_SECRET_KEY: 'k'.repeat(32), NEXTAUTH_SECRET: 's'.repeat(32) })
    expect(await ensureSecrets(given)).toEqual(given)
    await expect(readdir(secretsFolder())).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('gives two starts at the same time the same ones', async () => {
    const [one, other] = await Promise.all([ensureSecrets(settings()), ensureSecrets(settings())])
    expect(one).toEqual(other)
  })

  it('takes away what a killed start left, and only that', async () => {
    await mkdir(secretsFolder(), { recursive: true })
    const ended = spawn('true')
    await new Promise((resolve) => ended.once('exit', resolve))
    const [abandoned, living] = [ended.pid, process.pid].map((pid) => `secret-key.${pid}.0123456789ab`)
    for (const name of [abandoned, living]) await writeFile(path.join(secretsFolder(), String(name)), 'half')
    await ensureSecrets(settings())
    expect((await readdir(secretsFolder())).sort()).toEqual(['secret-key', living, 'session-secret'])
  })

  it('does not make a new one over a damaged one', async () => {
    await ensureSecrets(settings())
    await writeFile(path.join(secretsFolder(), 'secret-key'), '')
    const error: unknown = await ensureSecrets(settings()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StartRefused)
    expect(error).toMatchObject({
      message: expect.stringContaining('secret-key holds no secret. Restore it from a backup'),
    })
  })
})
