/**
 * One connection to a socket, carried over an input and an output at their pace: what `docker exec` runs where the socket itself
 * is out of reach. Ends when the socket closes, and when the input ends, which is all that is seen of a control plane that died.
 */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { RELAY_WAIT_MS, toRelayLine } from '../contract/relay.ts'

const LOOK_EVERY_MS = 10
/** With the input at its end and nothing moving for so long, nobody is there any more. */
const ABANDONED_MS = 30_000
/** There may be a socket that answers in a moment. */
const NOT_YET = new Set(['ENOENT', 'ECONNREFUSED'])

export interface RelayEnds {
  socketPath: string
  input: Readable
  output: Writable
}

/** Resolves with the exit code: 0 unless it could not connect. */
export async function relay({ socketPath, input, output }: RelayEnds): Promise<number> {
  if (!(await isWanted(input))) return 0
  const socket = await connect(socketPath)
  if (typeof socket === 'string') {
    output.end(toRelayLine(socket))
    await finished(output)
    return 1
  }
  output.write(toRelayLine('connected'))
  await carry(socket, { input, output })
  return 0
}

/** False when the input ended without the byte that starts it. */
function isWanted(input: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (wanted: boolean) => {
      input.off('readable', onReadable)
      input.off('end', onGone)
      input.off('close', onGone)
      resolve(wanted)
    }
    const onReadable = () => {
      if (input.read(1) !== null) settle(true)
    }
    const onGone = () => settle(false)
    input.on('readable', onReadable)
    input.on('end', onGone)
    input.on('close', onGone)
  })
}

/** The errno instead of a connection. */
async function connect(socketPath: string): Promise<Socket | string> {
  const deadline = performance.now() + RELAY_WAIT_MS
  for (;;) {
    const attempt = await connectOnce(socketPath)
    if (typeof attempt !== 'string' || !NOT_YET.has(attempt) || performance.now() > deadline) return attempt
    await setTimeout(LOOK_EVERY_MS)
  }
}

function connectOnce(socketPath: string): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'))
    // Later errors end it: the close that follows is what counts.
    socket.on('error', () => socket.destroy())
    socket.once('connect', () => resolve(socket))
  })
}

async function carry(socket: Socket, { input, output }: Omit<RelayEnds, 'socketPath'>): Promise<void> {
  input.once('end', () => socket.setTimeout(ABANDONED_MS, () => socket.destroy()))
  input.pipe(socket)
  socket.pipe(output)
  await once(socket, 'close')
  output.end()
  await finished(output)
}
