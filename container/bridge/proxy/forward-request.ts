/** One plain-http request through the tunnel: headers, then bodies both ways at the slower side's pace. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader, OutgoingHttpHeaders } from 'node:http2'
import { endToEndHeaders } from '../../contract/hop-by-hop.ts'
import { EGRESS_HEADER } from '../../contract/tunnel.ts'
import { cancelStream } from '../tunnel/cancel-stream.ts'
import { relay } from '../tunnel/relay.ts'
import type { ProxyContext } from './proxy.ts'
import { type ProxyTarget, parseAbsoluteForm } from './proxy-target.ts'
import { describeTunnelFailure, findRefusal, writeRefusal } from './refusal.ts'

/** Never rejects: whatever goes wrong is the client's answer. */
export async function forwardRequest(
  context: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = parseAbsoluteForm(request.url ?? '')
  if (!target.allowed) {
    context.logger.info('The proxy refused a request.', { url: request.url, reason: target.reason })
    context.onRefusal(request.url ?? '', target.reason)
    request.resume()
    writeRefusal(response, target)
    return
  }
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const hasBody = request.headers['content-length'] !== undefined || 'transfer-encoding' in request.headers
    const stream = await context.links[target.kind].open(toHeaders(request, target), {
      signal: gone.signal,
      waitMs: context.tunnelWaitMs,
      endStream: !hasBody || request.headers['content-length'] === '0',
    })
    connectStreams({ context, stream, request, response })
  } catch (error) {
    request.resume()
    writeRefusal(response, describeTunnelFailure(error))
  }
}

function toHeaders(request: IncomingMessage, target: ProxyTarget & { allowed: true }): OutgoingHttpHeaders {
  const passed = Object.entries(endToEndHeaders(request.headers)).filter(
    // What the control plane reads as the bridge's own words is never a program's to say.
    ([name]) => name !== 'host' && !name.startsWith('x-berth-'),
  )
  return {
    ...Object.fromEntries(passed),
    ':method': request.method ?? 'GET',
    ':scheme': 'http',
    ':authority': target.authority,
    ':path': target.path,
    ...(target.kind === 'egress' ? { [EGRESS_HEADER]: 'http' } : {}),
  }
}

interface Exchange {
  context: ProxyContext
  stream: ClientHttp2Stream
  request: IncomingMessage
  response: ServerResponse
}

function connectStreams({ context, stream, request, response }: Exchange): void {
  stream.setTimeout(context.idleMs, () => cancelStream(stream))
  if (!stream.writableEnded) request.pipe(stream)
  else request.resume()
  let answered = false
  stream.once('response', (headers) => {
    answered = true
    answer({ context, stream, request, response }, headers)
  })
  stream.once('close', () => {
    request.unpipe(stream)
    request.resume()
    if (answered) return
    writeRefusal(response, { status: 502, reason: 'The control plane closed the connection before it answered.' })
  })
  response.once('close', () => {
    if (!response.writableFinished) cancelStream(stream)
  })
}

function answer(
  { context, stream, request, response }: Exchange,
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
): void {
  const refusal = findRefusal(headers)
  if (refusal) {
    context.logger.info('The control plane refused a request.', { url: request.url, ...refusal })
    context.onRefusal(request.url ?? '', refusal.reason)
    stream.resume()
    writeRefusal(response, refusal)
    return
  }
  const passed = Object.entries(endToEndHeaders(headers)).filter(([name]) => !name.startsWith(':'))
  try {
    response.writeHead(headers[':status'] ?? 502, Object.fromEntries(passed))
  } catch (error) {
    // Node refuses characters in a header that HTTP/2 let through.
    context.logger.warn('An answer could not be passed on.', { url: request.url, error })
    cancelStream(stream)
    writeRefusal(response, { status: 502, reason: 'The headers of the answer are not valid HTTP/1.1.' })
    return
  }
  response.flushHeaders()
  relay(stream, response, () => response.destroy())
}
