/**
 * One plain-http request of a sandbox, as a forward proxy passes it on (RFC 9110 section 7.6). Owns: which headers pass. The
 * Host header is always the host that was judged.
 */
import http from 'node:http'
import https from 'node:https'
import { isIPv6 } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { endToEndHeaders } from '../../../container/contract/hop-by-hop.ts'
import { writeTarget } from '../../domain/egress-policy.ts'
import { isWhole } from '../exchange.ts'
import { Refusal } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import { DialError, describeProxyAnswer, describeProxyFailure, dial, proxyAddress, proxyAuthorization } from './dial.ts'
import type { EgressExchange } from './egress-gateway.ts'

const HTTP_PORT = 80
/** Its own answer, about the credentials it wants: nothing for the sandbox to see. */
const PROXY_REFUSES = 407
/** Berth's own wire: neither leaves nor comes in from a host of the world. */
const OWN_HEADER_PREFIX = 'x-berth-'
/** CONNECT is no request of this kind, whatever its case: Node would write it in capitals. */
const METHOD = /^(?!CONNECT$)[A-Z][A-Z-]{0,31}$/

export async function servePlainHttp(egress: EgressExchange): Promise<void> {
  const { exchange, destination } = egress
  const { stream } = exchange
  const outgoing = await openRequest(egress)
  const answered = awaitResponse(outgoing, destination.proxyUrl !== null)
  if (stream.endAfterHeaders) {
    outgoing.end()
  } else {
    stream.pipe(outgoing, { end: false })
    stream.once('end', () => (isWhole(stream) ? outgoing.end() : outgoing.destroy()))
  }
  try {
    const response = await answered
    if (destination.proxyUrl !== null && response.statusCode === PROXY_REFUSES) {
      response.destroy()
      throw new DialError(describeProxyAnswer(response.statusCode))
    }
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
  const { exchange, destination, timeouts } = egress
  const { headers, stream, signal } = exchange
  const { ':method': method = 'GET', ':path': path = '/' } = headers
  if (!METHOD.test(method)) throw new Refusal(400, 'invalid_request', 'The method is none of plain http.')
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new Refusal(400, 'invalid_request', 'The path must begin with a slash.')
  const host = writeHost(destination)
  const options: http.RequestOptions = {
    method,
    headers: { ...passHeaders(headers), host, ...frameBody(stream.endAfterHeaders, headers['content-length']) },
    signal,
    timeout: timeouts.idleMs,
  }
  const outgoing = await (destination.proxyUrl === null
    ? requestDirectly(egress, { ...options, path })
    : requestThroughProxy(new URL(destination.proxyUrl), { ...options, path: `http://${host}${path}` }))
  outgoing.on('timeout', () => outgoing.destroy(new Error(`silent for ${timeouts.idleMs} ms`)))
  return outgoing
}

async function requestDirectly(egress: EgressExchange, options: http.RequestOptions): Promise<http.ClientRequest> {
  const { exchange, destination, timeouts } = egress
  try {
    const socket = await dial({ destination, timeoutMs: timeouts.connectMs, signal: exchange.signal })
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
  const headers = { ...(options.headers as http.OutgoingHttpHeaders), ...proxyAuthorization(proxy) }
  return request({ ...options, ...proxyAddress(proxy), agent: false, headers })
}

/** Without a length Node would send a GET's body bare, as the beginning of a request of its own. */
function frameBody(isEmpty: boolean, contentLength: string | undefined): http.OutgoingHttpHeaders {
  return isEmpty || contentLength !== undefined ? {} : { 'transfer-encoding': 'chunked' }
}

function passHeaders(headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  const passed = Object.entries(endToEndHeaders(headers)).filter(
    ([name]) => !name.startsWith(':') && !name.startsWith(OWN_HEADER_PREFIX) && name !== 'host',
  )
  return Object.fromEntries(passed)
}

function writeHost(target: EgressExchange['destination']): string {
  if (target.port !== HTTP_PORT) return writeTarget(target)
  return isIPv6(target.host) ? `[${target.host}]` : target.host
}

function awaitResponse(outgoing: http.ClientRequest, throughProxy: boolean): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', (error) => reject(throughProxy ? describeProxyFailure(error) : error))
    outgoing.once('close', () => reject(new Error('the connection was closed before an answer')))
  })
}
