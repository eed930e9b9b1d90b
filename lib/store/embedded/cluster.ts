/** Makes the cluster on the first start: UTF8 whatever the machine's language, and a random password. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { EmbeddedLocation } from './location.ts'
import { isProcessAlive } from './postmaster.ts'
import { EmbeddedProblem } from './problem.ts'
import type { Programs } from './programs.ts'
import { assertUserHasName } from './user-name.ts'

const run = promisify(execFile)
export const SUPERUSER = 'berth'
/** In the cluster's own folder, so that the two can only be there together. */
const PASSWORD_FILE = 'berth-password'

/**
 * Nothing of this process's environment goes to the server: locale and LD_ variables there change what it does. (The type: Next
 * declares that every environment has a NODE_ENV.)
 */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C', PATH: '/usr/local/bin:/usr/bin:/bin' } as unknown as NodeJS.ProcessEnv

/** Measured: 42 MB, and as much again for its log of changes. */
const NEEDED_BYTES = 100e6

/** The cluster's password; makes the cluster first if there is none. Throws EmbeddedProblem when it cannot be made or used. */
export async function ensureCluster(location: EmbeddedLocation, programs: Programs): Promise<string> {
  await removeAbandoned(location.home)
  const known = await readPassword(location.cluster)
  if (known !== null) {
    await assertMajor(location.cluster, programs.major)
    return known
  }
  if (location.user === null) assertUserHasName()
  await assertRoom(location.home)
  const password = randomBytes(24).toString('base64url')
  const partial = `${location.cluster}.${process.pid}.${randomBytes(6).toString('hex')}.partial`
  const passwordForInitdb = `${partial}.password`
  try {
    await writeFile(passwordForInitdb, password, { mode: 0o600 })
    if (location.user !== null) await chown(passwordForInitdb, location.user.uid, location.user.gid)
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
    // On the disk before the cluster has its name: a machine that loses its power keeps both or none.
    await writeFile(path.join(partial, PASSWORD_FILE), `${password}\n`, { mode: 0o600, flush: true })
    return await adoptCluster(location, partial)
  } catch (cause) {
    await rm(partial, { recursive: true, force: true })
    if (cause instanceof EmbeddedProblem) throw cause
    throw new EmbeddedProblem(
      `The embedded PostgreSQL could not make its files in ${location.home} (${await describeFree(location.home)} are free there). Why:\n${describeFailure(cause)}`,
      { cause },
    )
  } finally {
    await rm(passwordForInitdb, { force: true })
  }
}

/** What initdb says of an error stands in its last lines, or in the system's refusal to run it. */
function describeFailure(cause: unknown): string {
  const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
  return said === '' ? String(cause instanceof Error ? cause.message : cause) : said.split('\n').slice(-5).join('\n')
}

/** Of a process that was killed while it made a cluster: half of one, and a password that nothing has. */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const maker = /^data\.(?:(\d+)\.)?[0-9a-f]{12}\.partial(\.password)?$/.exec(name)
    if (maker === null || (maker[1] !== undefined && (await isProcessAlive(Number(maker[1]))))) continue
    await rm(path.join(home, name), { recursive: true, force: true })
  }
}

/** PostgreSQL's files are of one major version. */
async function assertMajor(cluster: string, major: string): Promise<void> {
  const made = (await readFile(path.join(cluster, 'PG_VERSION'), 'utf8')).trim()
  if (made === major) return
  throw new EmbeddedProblem(
    `The database in ${cluster} was made by PostgreSQL ${made}, and this version of Berth brings ${major}, which cannot read it. Start the version of Berth that made it, and take the data along with its pg_dump; or name an empty folder in BERTH_DATA_DIR.`,
  )
}

async function assertRoom(home: string): Promise<void> {
  if ((await readFreeBytes(home)) >= NEEDED_BYTES) return
  throw new EmbeddedProblem(
    `There is too little room for the database in ${home}: ${NEEDED_BYTES / 1e6} MB are needed, ${await describeFree(home)} are free. Free some, and start again.`,
  )
}

async function describeFree(folder: string): Promise<string> {
  return `${Math.floor((await readFreeBytes(folder)) / 1e6)} MB`
}

async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
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
  if (password === null) throw new EmbeddedProblem(`${location.cluster} holds no ${PASSWORD_FILE}. ${RESTORE}`)
  return password
}

const RESTORE = 'Bring it back from a backup; or, to begin with an empty database, move the folder away.'

/** The password of a cluster; null when there is none yet. */
export async function readPassword(cluster: string): Promise<string | null> {
  let password: string
  try {
    password = (await readFile(path.join(cluster, PASSWORD_FILE), 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
  if (password === '') throw new EmbeddedProblem(`${path.join(cluster, PASSWORD_FILE)} is empty. ${RESTORE}`)
  return password
}

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
