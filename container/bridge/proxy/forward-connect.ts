/** One CONNECT through the egress tunnel: after the 200 bytes go both ways, and each side may end before the other. */
import type { IncomingMessage } from 'node:http'
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { cancelStream } from '../tunnel/cancel-stream.ts'
import { relay } from '../tunnel/relay.ts'
import type { ProxyContext } from './proxy.ts'
import { parseAuthorityForm } from './proxy-target.ts'
import { describeTunnelFailure, findRefusal, type ProxyRefusal, writeRawRefusal } from './refusal.ts'

export const CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n'

interface ConnectRequest {
  request: IncomingMessage
  socket: Duplex
  /** What the client sent before it was answered. */
  head: Buffer
}

/** Never rejects: whatever goes wrong is the client's answer. */
export async function forwardConnect(context: ProxyContext, { request, socket, head }: ConnectRequest): Promise<void> {
  const target = parseAuthorityForm(request.url ?? '')
  if (!target.allowed) {
    context.logger.info('The proxy refused a connection.', { target: request.url, reason: target.reason })
    context.onRefusal(request.url ?? '', target.reason)
    writeRawRefusal(socket, target)
    return
  }
  if (target.authority.endsWith(':80')) {
    context.servePlainly({ socket, head, authority: target.authority })
    return
  }
  const gone = new AbortController()
  const onGone = () => gone.abort()
  socket.once('close', onGone)
  try {
    const stream = await context.links[target.kind].open(
      { ':method': 'CONNECT', ':authority': target.authority },
      { signal: gone.signal, waitMs: context.tunnelWaitMs },
    )
    stream.setTimeout(context.idleMs, () => cancelStream(stream))
    socket.once('close', () => {
      // Where both sides have ended, what is still on its way is let through.
      if (!stream.readableEnded || !stream.writableEnded) cancelStream(stream)
    })
    if (socket.destroyed) cancelStream(stream)
    // Found when the connection had begun, as a server name other than the host's is.
    stream.once('trailers', (headers) => noteRefusal(context, request, findRefusal(headers)))
    let answered = false
    stream.once('response', (headers) => {
      answered = true
      answer({ context, request, socket, head, stream }, headers)
    })
    stream.once('close', () => {
      if (!answered) writeRawRefusal(socket, { status: 502, reason: 'The control plane closed before it answered.' })
    })
  } catch (error) {
    writeRawRefusal(socket, describeTunnelFailure(error))
  } finally {
    socket.off('close', onGone)
  }
}

function answer(
  exchange: ConnectRequest & { context: ProxyContext; stream: ClientHttp2Stream },
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
): void {
  const { context, request, socket, head, stream } = exchange
  const status = headers[':status'] ?? 502
  if (status !== 200) {
    const refusal = findRefusal(headers) ?? { status, reason: `${request.url} cannot be reached.` }
    noteRefusal(context, request, refusal)
    writeRawRefusal(socket, refusal)
    cancelStream(stream)
    return
  }
  socket.write(CONNECTED)
  if (head.length > 0) stream.write(head)
  socket.pipe(stream)
  relay(stream, socket, () => reset(socket))
}

function noteRefusal(
  { logger, onRefusal }: ProxyContext,
  { url }: IncomingMessage,
  refusal: ProxyRefusal | null,
): void {
  if (refusal === null) return
  logger.info('The control plane refused a connection.', { target: url, ...refusal })
  onRefusal(url ?? '', refusal.reason)
}

function reset(socket: Duplex): void {
  if (socket instanceof Socket) socket.resetAndDestroy()
  else socket.destroy()
}
