/**
 * Connects to a socket in a directory that a sandbox can write, without being led elsewhere: the entry is opened without
 * following links, looked at, and connected to through that very descriptor (DESIGN section 2). Linux only.
 */
import { constants, type FileHandle, open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { BerthError } from '../../errors.ts'

/** open(2): opens the entry itself, for looking and for /proc/self/fd only. Not among Node's constants. */
const O_PATH = 0o10000000

/** Rejects with `sandbox_lost` when nothing listens there, or when what is there is not a socket of `ownerUid`. */
export async function dialSocket(file: string, ownerUid: number): Promise<Socket> {
  const entry = await openEntry(file)
  try {
    const stat = await entry.stat()
    const kind = stat.isSocket() ? null : stat.isSymbolicLink() ? 'a symbolic link' : 'not a socket'
    if (kind !== null) throw refuse(file, `it is ${kind}`)
    if (stat.uid !== ownerUid) throw refuse(file, `it belongs to uid ${stat.uid}, not to the bridge's ${ownerUid}`)
    return await connectTo(`/proc/self/fd/${entry.fd}`)
  } catch (error) {
    if (error instanceof BerthError) throw error
    throw notListening(file, error)
  } finally {
    await entry.close()
  }
}

async function openEntry(file: string): Promise<FileHandle> {
  try {
    return await open(file, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    throw notListening(file, error)
  }
}

function connectTo(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath })
    socket.once('error', reject)
    // Later errors have listeners of their own; one that comes before them must not end the process.
    socket.on('error', () => socket.destroy())
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function refuse(file: string, what: string): BerthError {
  return new BerthError('sandbox_lost', `The bridge's socket ${file} was not connected to: ${what}.`, {
    hint: 'Something in the sandbox replaced it. Stop the agent and start it again.',
  })
}

function notListening(file: string, cause: unknown): BerthError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  return new BerthError('sandbox_lost', `No bridge listens on ${file} (${errno}).`, {
    details: { errno },
    cause,
  })
}
