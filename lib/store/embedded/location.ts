/**
 * Where the embedded server's files lie, and as whom it runs. PostgreSQL refuses to run as root, so as root it runs as the
 * user `postgres`, under /var/lib/berth: that user often cannot walk to the project (a 0700 home) or to its data folder.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chown, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const projectDirectory = fileURLToPath(new URL('../../..', import.meta.url))
const ROOT_BASE = '/var/lib/berth'
const SERVER_USER = 'postgres'

export interface ServerUser {
  uid: number
  gid: number
}

export interface EmbeddedLocation {
  /** Everything of this server; the user's own, or root's and passable. */
  home: string
  /** PGDATA. */
  cluster: string
  logFile: string
  /** Where a copy of the program goes; null: it is run where it was installed. */
  programs: string | null
  /** Null: the user that runs this. */
  user: ServerUser | null
}

const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** The paths that belong to a data folder (absolute). Touches nothing. */
export function locateEmbedded(dataDirectory: string, isRoot: boolean): Omit<EmbeddedLocation, 'user'> {
  const shared = path.join(ROOT_BASE, shortHash(projectDirectory))
  const home = isRoot ? path.join(shared, shortHash(dataDirectory)) : path.join(dataDirectory, 'postgres')
  return {
    home,
    cluster: path.join(home, 'data'),
    logFile: path.join(home, 'server.log'),
    programs: isRoot ? shared : null,
  }
}

/** True when this process is root's. */
export function runsAsRoot(): boolean {
  return process.getuid?.() === 0
}

/** Makes the folders, and as root the server's user. Idempotent. */
export async function prepareLocation(dataDirectory: string): Promise<EmbeddedLocation> {
  const isRoot = runsAsRoot()
  const paths = locateEmbedded(dataDirectory, isRoot)
  if (!isRoot) {
    await mkdir(paths.home, { recursive: true, mode: 0o700 })
    return { ...paths, user: null }
  }
  const user = await ensureServerUser()
  // Passable by the server's user, and its own: it makes the cluster here. What is root's in it has modes of its own.
  await mkdir(path.dirname(paths.home), { recursive: true, mode: 0o755 })
  await mkdir(paths.home, { recursive: true, mode: 0o711 })
  await chown(paths.home, user.uid, user.gid)
  return { ...paths, user }
}

async function ensureServerUser(): Promise<ServerUser> {
  const known = await findUser()
  if (known !== null) return known
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', SERVER_USER])
  const made = await findUser()
  if (made === null)
    throw new Error(`useradd made the user ${SERVER_USER}, but \`id ${SERVER_USER}\` does not find it.`)
  return made
}

async function findUser(): Promise<ServerUser | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', SERVER_USER]), run('id', ['-g', SERVER_USER])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch (error) {
    // `id` exits 1 for a name that it does not know; anything else (no `id`, say) is not an answer.
    if (error instanceof Error && 'code' in error && error.code === 1) return null
    throw error
  }
}
