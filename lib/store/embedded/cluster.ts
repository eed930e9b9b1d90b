/** Makes the cluster on the first start: UTF8 whatever the machine's language, and a random password. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { EmbeddedLocation } from './location.ts'
import type { Programs } from './programs.ts'

const run = promisify(execFile)
export const SUPERUSER = 'berth'
/** In the cluster's own folder, so that the two can only be there together. */
const PASSWORD_FILE = 'berth-password'

/**
 * Nothing of this process's environment goes to the server: locale and LD_ variables there change what it does. (The type: Next
 * declares that every environment has a NODE_ENV.)
 */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin' } as unknown as NodeJS.ProcessEnv

/** The cluster's password; makes the cluster first if there is none. */
export async function ensureCluster(location: EmbeddedLocation, programs: Programs): Promise<string> {
  const known = await readPassword(location.cluster)
  if (known !== null) return known
  const password = randomBytes(24).toString('base64url')
  const partial = `${location.cluster}.${randomBytes(6).toString('hex')}.partial`
  const passwordForInitdb = `${partial}.password`
  await writeFile(passwordForInitdb, password, { mode: 0o600 })
  if (location.user !== null) await chown(passwordForInitdb, location.user.uid, location.user.gid)
  try {
    await run(
      programs.initdb,
      [
        `--pgdata=${partial}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordForInitdb}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
      ],
      { cwd: location.home, env: SERVER_ENVIRONMENT, ...(location.user ?? {}) },
    )
    await writeFile(path.join(partial, PASSWORD_FILE), `${password}\n`, { mode: 0o600 })
    return await adoptCluster(location, partial)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    throw new Error(`The embedded PostgreSQL could not make its files in ${location.home}.`, { cause })
  } finally {
    await rm(passwordForInitdb, { force: true })
  }
}

/** A cluster gets its name when it is complete, its password with it; of two made at once the first stays. */
async function adoptCluster(location: EmbeddedLocation, partial: string): Promise<string> {
  try {
    await rename(partial, location.cluster)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error
    await rm(partial, { recursive: true, force: true })
  }
  const password = await readPassword(location.cluster)
  if (password === null) throw new Error(`${location.cluster} holds no ${PASSWORD_FILE}.`)
  return password
}

/** The password of a cluster; null when there is none yet. */
export async function readPassword(cluster: string): Promise<string | null> {
  try {
    return (await readFile(path.join(cluster, PASSWORD_FILE), 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
