/** The secrets that an installation makes for itself: in files of the data folder, readable by its owner alone. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import type { Settings } from '../config.ts'
import { inWords } from './in-words.ts'
import { keepFirst } from './keep-first.ts'
import { StartRefused } from './start-refused.ts'

export type SettingsWithSecrets = Settings & { secretKey: string; sessionSecret: string }

/** The settings with `secretKey` and `sessionSecret` filled in: as set, as kept, or made now and kept. Throws StartRefused. */
export async function ensureSecrets(settings: Settings): Promise<SettingsWithSecrets> {
  return await inWords({ what: 'The secrets', folder: settings.dataDirectory }, async () => ({
    ...settings,
    secretKey: settings.secretKey ?? (await ensureSecret(settings.dataDirectory, 'secret-key')),
    sessionSecret: settings.sessionSecret ?? (await ensureSecret(settings.dataDirectory, 'session-secret')),
  }))
}

async function ensureSecret(dataDirectory: string, name: string): Promise<string> {
  const file = path.join(dataDirectory, 'secrets', name)
  const secret = (await keepFirst(file, () => `${randomBytes(32).toString('base64url')}\n`)).trim()
  if (secret.length < 32)
    throw new StartRefused(
      `${file} holds no secret. Restore it from a backup; a new one would not open what the old one sealed. Where nothing was sealed yet, remove the file.`,
    )
  return secret
}
