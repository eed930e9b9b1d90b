/**
 * One of the two connections on which everything leaves the sandbox: an HTTP/2 session that the bridge speaks as the client
 * on a socket the control plane opened. Owns: the session, how many streams are open at once, who waits for one. Must not
 * know: what is asked on a stream, how the socket came to be, fences.
 */
import http2 from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import { INITIAL_WINDOW_BYTES, MAX_HEADER_BYTES, MAX_STREAMS, type TunnelKind } from '../../contract/tunnel.ts'

const PING_INTERVAL_MS = 15_000
const PING_TIMEOUT_MS = 20_000
/** Requests that may wait for a free stream; more than that is a flood. */
const MAX_WAITING = 2_000
/** Node refuses new streams beyond this: room for the windows of all streams, both ways. */
const SESSION_MEMORY_MB = 512

export class TunnelError extends Error {
  /** `down`: no tunnel within the time given. `flooded`: too many wait already. `lost`: it went away under the request. */
  readonly code: 'down' | 'flooded' | 'lost'
  constructor(code: 'down' | 'flooded' | 'lost', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'TunnelError'
    this.code = code
  }
}

export interface OpenOptions {
  signal?: AbortSignal
  /** How long to wait for a tunnel when there is none; without it, until the signal aborts. */
  waitMs?: number
  /** No request body follows. */
  endStream?: boolean
}

export interface TunnelLink {
  readonly kind: TunnelKind
  connected(): boolean
  /** Takes a socket; a session that was there before is ended, and its streams fail. */
  attach(socket: Duplex): void
  /** Ends the session there is, if any. */
  detach(reason: string): void
  /**
   * Opens a stream; waits for the tunnel and for a free place in turn. Rejects with a TunnelError or the signal's reason.
   * A stream that is cut may still emit `end`: `endedWell` of relay.ts tells.
   */
  open(headers: http2.OutgoingHttpHeaders, options?: OpenOptions): Promise<http2.ClientHttp2Stream>
  close(): void
}

interface Waiting {
  headers: http2.OutgoingHttpHeaders
  options: OpenOptions
  resolve(stream: http2.ClientHttp2Stream): void
  reject(error: unknown): void
}

interface Session {
  http2: http2.ClientHttp2Session
  openStreams: number
}

export function createTunnelLink({ kind, logger }: { kind: TunnelKind; logger: Logger }): TunnelLink {
  const waiting = new Set<Waiting>()
  let current: Session | null = null

  const usable = () => current !== null && !current.http2.destroyed && !current.http2.closed
  const serveWaiting = () => {
    for (const entry of waiting) {
      if (!current || !usable() || current.openStreams >= MAX_STREAMS[kind]) return
      waiting.delete(entry)
      try {
        entry.resolve(request(current, entry))
      } catch (error) {
        entry.reject(new TunnelError('lost', 'The tunnel to the control plane closed.', error))
      }
    }
  }
  const request = (session: Session, { headers, options }: Waiting) => {
    const stream = session.http2.request(headers, { endStream: options.endStream ?? false })
    session.openStreams += 1
    stream.once('close', () => {
      session.openStreams -= 1
      serveWaiting()
    })
    // Each reader listens as well; a stream nobody listens to yet must not end the process.
    stream.on('error', () => undefined)
    return stream
  }

  const attach = (socket: Duplex) => {
    const previous = current
    const session: Session = { http2: connect(socket), openStreams: 0 }
    current = session
    if (previous) end(previous.http2, 'A newer tunnel took the place of this one.')
    const stopPinging = keepAlive(session.http2, (reason) => {
      logger.warn('The tunnel does not answer and is given up.', { kind, reason })
    })
    session.http2.on('error', (error) => {
      if (!(error instanceof TunnelError)) logger.warn('The tunnel failed.', { kind, error })
    })
    const leave = () => {
      stopPinging()
      if (current !== session) return
      current = null
      logger.info('The tunnel is gone.', { kind })
    }
    // A server's sockets stay half open: the peer's end alone would never end the session.
    socket.once('end', () => end(session.http2, 'The control plane closed the tunnel.'))
    session.http2.once('goaway', leave)
    session.http2.once('close', leave)
    logger.info('The tunnel is up.', { kind })
    serveWaiting()
  }

  return {
    kind,
    connected: usable,
    attach,
    detach(reason) {
      if (!current) return
      logger.info('The tunnel is dropped.', { kind, reason })
      end(current.http2, `The tunnel was dropped: ${reason}.`)
    },
    open(headers, options = {}) {
      if (waiting.size >= MAX_WAITING) {
        return Promise.reject(
          new TunnelError('flooded', `${MAX_WAITING} requests wait already; let some finish and try again.`),
        )
      }
      return new Promise((resolve, reject) => {
        const entry = leaveOnAbort({ headers, options, resolve, reject }, { waiting, connected: usable })
        if (!entry) return
        waiting.add(entry)
        serveWaiting()
      })
    },
    close() {
      for (const entry of waiting) entry.reject(new TunnelError('down', 'The bridge is closing.'))
      waiting.clear()
      if (current) end(current.http2, 'The bridge is closing.')
    },
  }
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
function end(session: http2.ClientHttp2Session, reason: string): void {
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
      end(session, `The tunnel was given up: ${reason}.`)
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

/** Lets a waiting request go when its signal aborts, or when no tunnel came in its time. Null when it is aborted already. */
function leaveOnAbort(
  entry: Waiting,
  { waiting, connected }: { waiting: Set<Waiting>; connected: () => boolean },
): Waiting | null {
  const { signal, waitMs } = entry.options
  if (signal?.aborted) {
    entry.reject(signal.reason)
    return null
  }
  const leave = (error: unknown) => {
    waiting.delete(guarded)
    guarded.reject(error)
  }
  const onAbort = () => leave(signal?.reason)
  const onTimeout = () => {
    // While the tunnel is up the request only waits for its turn.
    if (connected()) return
    leave(new TunnelError('down', `There is no connection to the control plane, and none came within ${waitMs} ms.`))
  }
  const timer = waitMs === undefined ? null : setTimeout(onTimeout, waitMs)
  const settle = () => {
    if (timer) clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  const guarded: Waiting = {
    headers: entry.headers,
    options: entry.options,
    resolve(stream) {
      settle()
      entry.resolve(stream)
    },
    reject(error) {
      settle()
      entry.reject(error)
    },
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  return guarded
}
