/**
 * The HTTP/2 session of one tunnel connection, from the socket to its end. Owns: its settings, its keepalive, noticing that
 * it is over. Must not know: streams, who waits for them.
 */
import http2 from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import { INITIAL_WINDOW_BYTES, MAX_HEADER_BYTES, type TunnelKind } from '../../contract/tunnel.ts'
import { TunnelError } from './tunnel-error.ts'

const PING_INTERVAL_MS = 15_000
const PING_TIMEOUT_MS = 20_000
/** Node refuses new streams beyond this: room for the windows of all streams, both ways. */
const SESSION_MEMORY_MB = 512

/** `onGone` is called once, when no more streams can be opened on the session, whoever ended it. */
export function openSession(
  socket: Duplex,
  { kind, logger, onGone }: { kind: TunnelKind; logger: Logger; onGone: () => void },
): http2.ClientHttp2Session {
  const session = connect(socket)
  const stopPinging = keepAlive(session, (reason) => {
    logger.warn('The tunnel does not answer and is given up.', { kind, reason })
  })
  session.on('error', (error) => {
    if (!(error instanceof TunnelError)) logger.warn('The tunnel failed.', { kind, error })
  })
  // A server's sockets stay half open: the peer's end alone would never end the session.
  socket.once('end', () => endSession(session, 'The control plane closed the tunnel.'))
  let gone = false
  const leave = () => {
    stopPinging()
    if (gone) return
    gone = true
    logger.info('The tunnel is gone.', { kind })
    onGone()
  }
  session.once('goaway', leave)
  session.once('close', leave)
  return session
}

function connect(socket: Duplex): http2.ClientHttp2Session {
  const session = http2.connect('http://control-plane', {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: INITIAL_WINDOW_BYTES, maxHeaderListSize: MAX_HEADER_BYTES },
    maxSessionMemory: SESSION_MEMORY_MB,
    maxSendHeaderBlockLength: MAX_HEADER_BYTES,
  })
  session.once('connect', () => session.setLocalWindowSize(4 * INITIAL_WINDOW_BYTES))
  return session
}

/** The peer hears of no error; every stream of ours has one, or a cut would look like an end. */
export function endSession(session: http2.ClientHttp2Session, reason: string): void {
  session.destroy(new TunnelError('lost', reason), http2.constants.NGHTTP2_NO_ERROR)
}

/** Ends a session whose peer answers no ping: a socket can stay open long after the process behind it hangs. */
function keepAlive(session: http2.ClientHttp2Session, onDead: (reason: string) => void): () => void {
  let deadline: NodeJS.Timeout | null = null
  const timer = setInterval(() => {
    if (session.destroyed || deadline) return
    deadline = setTimeout(() => {
      const reason = `no answer to a ping within ${PING_TIMEOUT_MS / 1_000} s`
      onDead(reason)
      endSession(session, `The tunnel was given up: ${reason}.`)
    }, PING_TIMEOUT_MS).unref()
    session.ping(() => {
      if (deadline) clearTimeout(deadline)
      deadline = null
    })
  }, PING_INTERVAL_MS).unref()
  return () => {
    clearInterval(timer)
    if (deadline) clearTimeout(deadline)
  }
}
