import fs from 'node:fs'
import type { Server } from 'node:http'
import net from 'node:net'
import path from 'node:path'

/** sun_path of a Unix socket address, without its end. */
const MAX_SOCKET_PATH_BYTES = 107

/**
 * Listens on the Unix socket at `socketPath`, open to every local user (each request needs the token), in the place of one
 * that a process before left behind. Rejects when another process still listens there.
 */
export async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  await removeStale(socketPath)
  // The descriptor of the directory stands in for a path that is too long; it has to stay open only until bind.
  const directory = fs.openSync(path.dirname(socketPath), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  const short =
    Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES
      ? socketPath
      : `/proc/self/fd/${directory}/${path.basename(socketPath)}`
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(short, () => {
        server.off('error', reject)
        resolve()
      })
    })
    fs.chmodSync(socketPath, 0o666)
  } finally {
    fs.closeSync(directory)
  }
}

async function removeStale(socketPath: string): Promise<void> {
  const entry = fs.lstatSync(socketPath, { throwIfNoEntry: false })
  if (!entry) return
  if (!entry.isSocket()) throw new Error(`${socketPath} is in the way: it is not a socket.`)
  if (await answers(socketPath)) throw new Error(`Another bridge listens on ${socketPath}.`)
  fs.unlinkSync(socketPath)
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socketPath)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}
