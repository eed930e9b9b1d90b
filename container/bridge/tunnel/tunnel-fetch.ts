/**
 * `fetch` over the control tunnel, for the bridge's own requests (model.berth, forge.berth, git.berth). Like fetch it throws
 * a TypeError when the connection breaks, errors the body when it breaks later, and aborts with the signal's reason. Unlike
 * fetch it waits while there is no tunnel (the control plane restarts) until the signal aborts, follows no redirects and
 * decodes nothing.
 */
import type http2 from 'node:http2'
import { constants } from 'node:http2'
import { HOP_BY_HOP_HEADERS } from '../../contract/hop-by-hop.ts'
import { cancelStream } from './cancel-stream.ts'
import { endedWell } from './relay.ts'
import type { TunnelLink } from './tunnel-link.ts'

const NULL_BODY_STATUS = new Set([101, 204, 205, 304])

/** The fetch that it makes calls `onSent` when the request leaves: until then it waits for the tunnel. */
export function createTunnelFetch(link: TunnelLink) {
  return async (...[input, init, onSent]: [...Parameters<typeof fetch>, onSent?: () => void]): Promise<Response> => {
    const request = new Request(input, init)
    const { signal } = request
    const body = request.body === null ? null : Buffer.from(await request.arrayBuffer())
    const stream = await openStream(link, request, { signal, endStream: body === null })
    onSent?.()
    const abort = () =>
      stream.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)))
    signal.addEventListener('abort', abort, { once: true })
    stream.once('close', () => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
    if (body !== null) stream.end(body)
    const headers = await responseHeaders(stream, signal)
    return toResponse(stream, { headers, signal, bodyless: request.method === 'HEAD' })
  }
}

async function openStream(
  link: TunnelLink,
  request: Request,
  options: { signal: AbortSignal; endStream: boolean },
): Promise<http2.ClientHttp2Stream> {
  const url = new URL(request.url)
  const headers: http2.OutgoingHttpHeaders = {}
  request.headers.forEach((value, name) => {
    if (!HOP_BY_HOP_HEADERS.has(name) && name !== 'host') headers[name] = value
  })
  headers[constants.HTTP2_HEADER_METHOD] = request.method
  headers[constants.HTTP2_HEADER_SCHEME] = 'http'
  headers[constants.HTTP2_HEADER_AUTHORITY] = url.host
  headers[constants.HTTP2_HEADER_PATH] = `${url.pathname}${url.search}`
  try {
    return await link.open(headers, options)
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason
    throw new TypeError('fetch failed', { cause: error })
  }
}

function responseHeaders(
  stream: http2.ClientHttp2Stream,
  signal: AbortSignal,
): Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader> {
  return new Promise((resolve, reject) => {
    let failure: unknown
    stream.once('response', resolve)
    stream.once('error', (error) => {
      failure = error
    })
    stream.once('close', () => {
      reject(signal.aborted ? signal.reason : new TypeError('fetch failed', { cause: failure ?? lost(stream) }))
    })
  })
}

function toResponse(
  stream: http2.ClientHttp2Stream,
  options: {
    headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader
    signal: AbortSignal
    bodyless: boolean
  },
): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(options.headers)) {
    if (name.startsWith(':') || value === undefined) continue
    for (const item of Array.isArray(value) ? value : [String(value)]) headers.append(name, item)
  }
  const status = options.headers[':status'] ?? 502
  if (options.bodyless || NULL_BODY_STATUS.has(status)) {
    stream.resume()
    return new Response(null, { status, headers })
  }
  return new Response(toBody(stream, options.signal), { status, headers })
}

/** The stream's bytes at the reader's pace: what is not read stays in the peer's window. */
function toBody(stream: http2.ClientHttp2Stream, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  let settled = false
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        stream.pause()
        let failure: unknown
        stream.on('data', (chunk: Buffer<ArrayBuffer>) => {
          if (settled) return
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) stream.pause()
        })
        stream.once('end', () => {
          if (settled || !endedWell(stream)) return
          settled = true
          controller.close()
        })
        stream.once('error', (error) => {
          failure = error
        })
        stream.once('close', () => {
          if (settled) return
          settled = true
          controller.error(
            signal.aborted ? signal.reason : new TypeError('terminated', { cause: failure ?? lost(stream) }),
          )
        })
      },
      pull() {
        stream.resume()
      },
      cancel() {
        settled = true
        cancelStream(stream)
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  )
}

function lost(stream: http2.ClientHttp2Stream): Error {
  return new Error(`The stream to the control plane was cut (code ${stream.rstCode}).`)
}
