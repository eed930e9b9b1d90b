/**
 * One of the two connections on which everything leaves the sandbox: an HTTP/2 session that the bridge speaks as the client
 * on a socket the control plane opened. Owns: the session, how many streams are open at once, who waits for one. Must not
 * know: what is asked on a stream, how the socket came to be, fences.
 */
import type http2 from 'node:http2'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import { MAX_STREAMS, type TunnelKind } from '../../contract/tunnel.ts'
import { endSession, openSession } from './session.ts'
import { TunnelError } from './tunnel-error.ts'

/** Requests that may wait for a free stream; more than that is a flood. */
const MAX_WAITING = 2_000

export { TunnelError } from './tunnel-error.ts'

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
    const opened = openSession(socket, {
      kind,
      logger,
      onGone() {
        if (current?.http2 === opened) current = null
      },
    })
    current = { http2: opened, openStreams: 0 }
    if (previous) endSession(previous.http2, 'A newer tunnel took the place of this one.')
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
      endSession(current.http2, `The tunnel was dropped: ${reason}.`)
    },
    open(headers, options = {}) {
      if (waiting.size >= MAX_WAITING) return Promise.reject(flooded())
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
      if (current) endSession(current.http2, 'The bridge is closing.')
    },
  }
}

function flooded(): TunnelError {
  return new TunnelError('flooded', `${MAX_WAITING} requests wait already; let some finish and try again.`)
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
    if (connected()) timer = setTimeout(onTimeout, waitMs)
    else
      leave(new TunnelError('down', `There is no connection to the control plane, and none came within ${waitMs} ms.`))
  }
  let timer = waitMs === undefined ? null : setTimeout(onTimeout, waitMs)
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
