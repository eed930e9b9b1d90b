/** The far end of a tunnel, as small as can be: an HTTP/2 server on a connection that a test opened to a bridge. */
import { once } from 'node:events'
import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'

export type StreamHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

export interface TunnelPeer {
  session: ServerHttp2Session
  /** Ends the connection at once, as a killed control plane does. */
  kill(): void
  closed: Promise<unknown>
}

export function attachPeer(socket: Duplex, handler: StreamHandler): TunnelPeer {
  const session = http2.performServerHandshake(socket, { settings: { initialWindowSize: 1 << 20 } })
  session.on('error', () => undefined)
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    handler(stream, headers)
  })
  return {
    session,
    closed: once(session, 'close'),
    kill() {
      socket.destroy()
    },
  }
}
