/**
 * One process of this machine at a time, by listening on a name that belongs to this project. The name is the kernel's (an
 * abstract Unix socket) and goes with the process, so that kill -9 leaves no lock behind.
 */
import { createHash } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { projectDirectory, say } from './project.mjs'

const name = `\0berth-set-up-${createHash('sha256').update(projectDirectory).digest('hex').slice(0, 32)}`

/** Runs `work` when no other process of this project runs its own. Where there are no such names, at once. */
export async function oneAtATime(work) {
  if (process.platform !== 'linux') return work()
  let lock = await tryLock()
  if (lock === null) {
    say('Another npm command prepares this folder; waiting until it is done')
    while (lock === null) {
      await waitForHolder()
      lock = await tryLock()
    }
  }
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** Null when another process has it. */
function tryLock() {
  const waiting = new Set()
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      waiting.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => waiting.delete(socket))
    })
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen(name, () => {
      const release = () =>
        new Promise((done) => {
          server.close(done)
          for (const socket of waiting) socket.destroy()
        })
      resolve({ release })
    })
  })
}

/** The connection ends with the holder, however that ends. */
function waitForHolder() {
  return new Promise((resolve) => {
    const socket = connect(name)
    socket.once('error', resolve)
    socket.once('close', resolve)
    socket.resume()
  })
}
