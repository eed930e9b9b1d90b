/**
 * One plain-http request of a sandbox, as a forward proxy passes it on (RFC 9110 section 7.6). Owns: which headers pass. The
 * Host header is always the host that was judged.
 */
import http from 'node:http'
import https from 'node:https'
import { isIPv6 } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { writeTarget } from '../../domain/egress-policy.ts'
import { isWhole } from '../exchange.ts'
import { Refusal } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import { dial, proxyAuthorization } from './dial.ts'
import type { EgressExchange } from './egress-gateway.ts'

const HTTP_PORT = 80
/** Of one connection only (RFC 9110 section 7.6.1), or set here. */
const DROPPED_HEADERS = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
/** Berth's own wire: neither leaves nor comes in from a host of the world. */
const OWN_HEADER_PREFIX = 'x-berth-'

export async function servePlainHttp(egress: EgressExchange): Promise<void> {
  const { exchange, destination } = egress
  const { stream } = exchange
  const outgoing = await openRequest(egress)
  const answered = awaitResponse(outgoing)
  if (stream.endAfterHeaders) {
    outgoing.end()
  } else {
    stream.pipe(outgoing, { end: false })
    stream.once('end', () => (isWhole(stream) ? outgoing.end() : outgoing.destroy()))
  }
  try {
    const response = await answered
    stream.respond({ ':status': response.statusCode ?? 502, ...passHeaders(response.headers) })
    // An answer without a body (HEAD, 204, 304) has ended with its headers.
    if (stream.writableEnded) response.resume()
    else await pipeline(response, stream)
  } catch (error) {
    stream.unpipe(outgoing)
    throw new Refusal(502, 'connect_failed', `${writeTarget(destination)} did not answer: ${describeFailure(error)}.`)
  }
}

async function openRequest(egress: EgressExchange): Promise<http.ClientRequest> {
  const { exchange, destination, proxyUrl, timeouts } = egress
  const { headers, stream, signal } = exchange
  const path = headers[':path'] ?? '/'
  if (!/^[/*][\x21-\x7e]*$/.test(path)) throw new Refusal(400, 'invalid_request', 'The path must begin with a slash.')
  const host = writeHost(destination)
  const options: http.RequestOptions = {
    method: headers[':method'] ?? 'GET',
    headers: { ...passHeaders(headers), host, ...frameBody(stream.endAfterHeaders, headers['content-length']) },
    signal,
    timeout: timeouts.idleMs,
  }
  const outgoing = await (destination.addresses === null && proxyUrl !== null
    ? requestThroughProxy(new URL(proxyUrl), { ...options, path: `http://${host}${path}` })
    : requestDirectly(egress, { ...options, path }))
  outgoing.on('timeout', () => outgoing.destroy(new Error(`silent for ${timeouts.idleMs} ms`)))
  return outgoing
}

async function requestDirectly(egress: EgressExchange, options: http.RequestOptions): Promise<http.ClientRequest> {
  const { exchange, destination, timeouts } = egress
  try {
    const socket = await dial({ destination, proxyUrl: null, timeoutMs: timeouts.connectMs, signal: exchange.signal })
    // No agent, not even `false`: an agent would dial by itself and leave this socket aside.
    return http.request({ ...options, createConnection: () => socket })
  } catch (error) {
    throw new Refusal(
      502,
      'connect_failed',
      `${writeTarget(destination)} could not be reached: ${describeFailure(error)}.`,
    )
  }
}

/** A proxy takes plain http in absolute form. */
function requestThroughProxy(proxy: URL, options: http.RequestOptions): http.ClientRequest {
  const request = proxy.protocol === 'https:' ? https.request : http.request
  return request({
    ...options,
    agent: false,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : HTTP_PORT) : Number(proxy.port),
    headers: { ...(options.headers as http.OutgoingHttpHeaders), ...proxyAuthorization(proxy) },
  })
}

/** Without a length Node would send a GET's body bare, as the beginning of a request of its own. */
function frameBody(isEmpty: boolean, contentLength: string | undefined): http.OutgoingHttpHeaders {
  return isEmpty || contentLength !== undefined ? {} : { 'transfer-encoding': 'chunked' }
}

function passHeaders(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  const passed: http.OutgoingHttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) {
    const isOwn = name.startsWith(':') || name.startsWith(OWN_HEADER_PREFIX)
    if (!isOwn && !DROPPED_HEADERS.has(name) && !named.has(name)) passed[name] = value
  }
  return passed
}

function writeHost(target: EgressExchange['destination']): string {
  if (target.port !== HTTP_PORT) return writeTarget(target)
  return isIPv6(target.host) ? `[${target.host}]` : target.host
}

function awaitResponse(outgoing: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
    outgoing.once('close', () => reject(new Error('the connection was closed before an answer')))
  })
}
