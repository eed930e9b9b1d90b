/** The user that the embedded server runs as where root starts it: PostgreSQL refuses to run as root. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { EmbeddedProblem } from './problem.ts'

const run = promisify(execFile)
const SERVER_USER = 'postgres'

export interface ServerUser {
  uid: number
  gid: number
}

/** Makes it where there is none. */
export async function ensureServerUser(): Promise<ServerUser> {
  const known = await findUser()
  if (known !== null) return known
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', SERVER_USER])
  } catch (cause) {
    const words = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
    throw new EmbeddedProblem(
      `PostgreSQL does not run as root, and the user ${SERVER_USER} cannot be made for it (useradd: ${words || cause}). Make it by hand, run Berth as an ordinary user, or name a PostgreSQL server in DATABASE_URL.`,
      { cause },
    )
  }
  const made = await findUser()
  if (made === null) {
    throw new EmbeddedProblem(`useradd made the user ${SERVER_USER}, but \`id ${SERVER_USER}\` does not find it.`)
  }
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
