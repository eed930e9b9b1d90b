/**
 * How the proxy says no: the words stand in the status line, which pip and git's verbose output show, and in the body, which
 * curl and npm show.
 */

import type { ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import type { Duplex } from 'node:stream'
import { REFUSAL_CODE_HEADER, REFUSAL_REASON_HEADER } from '../../contract/tunnel.ts'
import { TunnelError } from '../tunnel/tunnel-link.ts'

export interface ProxyRefusal {
  status: number
  reason: string
  /** The control plane's short code, passed on as a header. */
  code?: string
}

const MAX_REASON_CHARS = 1_000

/** The refusal in an answer of the control plane; null when it is an answer of what was asked for. */
export function findRefusal(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): ProxyRefusal | null {
  const code = headers[REFUSAL_CODE_HEADER]
  if (typeof code !== 'string') return null
  const status = headers[':status'] ?? 502
  return { status, code, reason: String(headers[REFUSAL_REASON_HEADER] ?? STATUS_CODES[status] ?? 'Refused') }
}

/** Why there was no stream to the control plane. */
export function describeTunnelFailure(error: unknown): ProxyRefusal {
  const words = error instanceof TunnelError ? error.message : 'The request to the control plane failed.'
  return error instanceof TunnelError && error.code === 'flooded'
    ? { status: 503, reason: `Too many requests at once. ${words}` }
    : { status: 502, reason: `The sandbox has no way out at the moment. ${words} Try again.` }
}

export function writeRefusal(response: ServerResponse, refusal: ProxyRefusal): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  response.writeHead(refusal.status, toStatusText(refusal.reason), {
    ...refusalHeaders(refusal),
    'content-length': Buffer.byteLength(`${refusal.reason}\n`),
  })
  response.end(`${refusal.reason}\n`)
}

/** For CONNECT and broken requests, where there is no response object. Ends the connection. */
export function writeRawRefusal(socket: Duplex, refusal: ProxyRefusal): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const body = `${refusal.reason}\n`
  const headers = {
    ...refusalHeaders(refusal),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${refusal.status} ${toStatusText(refusal.reason)}\r\n${lines.join('')}\r\n${body}`)
  socket.resume()
}

function refusalHeaders({ code }: ProxyRefusal): Record<string, string> {
  return {
    'content-type': 'text/plain; charset=utf-8',
    ...(code === undefined ? {} : { [REFUSAL_CODE_HEADER]: toStatusText(code) }),
  }
}

/** Printable ASCII on one line. */
function toStatusText(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, MAX_REASON_CHARS)
}
