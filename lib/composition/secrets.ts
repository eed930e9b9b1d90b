/** The secrets that an installation makes for itself: in files of the data folder, readable by its owner alone. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Settings } from '../config.ts'

export type SettingsWithSecrets = Settings & { secretKey: string; sessionSecret: string }

/** The settings with `secretKey` and `sessionSecret` filled in: as set, as kept, or made now and kept. */
export async function ensureSecrets(settings: Settings): Promise<SettingsWithSecrets> {
  return {
    ...settings,
    secretKey: settings.secretKey ?? (await ensureSecret(settings.dataDirectory, 'secret-key')),
    sessionSecret: settings.sessionSecret ?? (await ensureSecret(settings.dataDirectory, 'session-secret')),
  }
}

async function ensureSecret(dataDirectory: string, name: string): Promise<string> {
  const folder = path.join(dataDirectory, 'secrets')
  const file = path.join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  try {
    // Complete or not there, and of two at the same time the first one stays.
    await link(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(draft)
  }
  const secret = (await readFile(file, 'utf8')).trim()
  if (secret.length < 32)
    throw new Error(
      `${file} holds no secret. Restore it from a backup; a new one would not open what the old one sealed.`,
    )
  return secret
}
