/**
 * Opens a connection to a judged destination: to exactly the addresses that were judged, or by name through the company
 * proxy. Owns: that. Must not know: policies.
 */
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import { connect, isIP } from 'node:net'
import { writeTarget } from '../../domain/egress-policy.ts'
import { describeFailure } from '../upstream.ts'
import type { Destination } from './destination.ts'

export interface DialOptions {
  destination: Destination
  timeoutMs: number
  signal: AbortSignal
}

/** Rejects with the system's error, or with a DialError when a proxy refuses or time runs out. */
export class DialError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DialError'
  }
}

export async function dial(options: DialOptions): Promise<Socket> {
  const { host, port, addresses, proxyUrl } = options.destination
  if (proxyUrl !== null) return dialThroughProxy(options, new URL(proxyUrl))
  const socket = connect({
    host,
    port,
    lookup: createFixedLookup(addresses),
    autoSelectFamily: true,
    allowHalfOpen: true,
    noDelay: true,
  })
  return awaitConnected(socket, options)
}

/** A lookup that knows the judged addresses only, so that no second answer of a name server can come between. */
export function createFixedLookup(addresses: readonly string[]): LookupFunction {
  return (_host, options, callback) => {
    const entries = addresses.map((address) => ({ address, family: isIP(address) }))
    const [first] = entries
    if (first === undefined) callback(new DialError('no address was allowed'), '', 0)
    else if (options.all === true) callback(null, entries)
    else callback(null, first.address, first.family)
  }
}

/** `Proxy-Authorization` for a proxy URL with credentials. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/** Where a proxy listens, as Node's requests take it. */
export function proxyAddress(proxy: URL): { host: string; port: number } {
  const usualPort = proxy.protocol === 'https:' ? 443 : 80
  return { host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port === '' ? usualPort : Number(proxy.port) }
}

function awaitConnected(socket: Socket, { timeoutMs, signal }: DialOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      settle()
      socket.destroy()
      reject(error)
    }
    const onAbort = () => fail(new DialError('the sandbox closed the stream'))
    const timer = setTimeout(() => fail(new DialError(`no connection within ${timeoutMs} ms`)), timeoutMs)
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      // Later errors have listeners of their own; one between must not end the process.
      socket.off('error', fail)
      socket.on('error', () => socket.destroy())
    }
    socket.on('error', fail)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
  })
}

function dialThroughProxy({ destination, timeoutMs, signal }: DialOptions, proxy: URL): Promise<Socket> {
  const target = writeTarget(destination)
  const request = (proxy.protocol === 'https:' ? https : http).request({
    ...proxyAddress(proxy),
    method: 'CONNECT',
    path: target,
    headers: { host: target, ...proxyAuthorization(proxy) },
    agent: false,
    signal,
    timeout: timeoutMs,
  })
  return new Promise((resolve, reject) => {
    const refuse = ({ statusCode }: http.IncomingMessage) => reject(new DialError(describeProxyAnswer(statusCode)))
    request.on('timeout', () => request.destroy(new DialError(`the company's proxy did not within ${timeoutMs} ms`)))
    request.on('error', (error) => reject(describeProxyFailure(error)))
    request.on('response', (response) => {
      response.destroy()
      refuse(response)
    })
    request.on('connect', (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        refuse(response)
        return
      }
      const connection = socket as Socket
      connection.setTimeout(0)
      connection.on('error', () => connection.destroy())
      if (head.length > 0) connection.unshift(head)
      resolve(connection)
    })
    request.end()
  })
}

export function describeProxyAnswer(status = 0): string {
  const cure = status === 407 ? ': HTTPS_PROXY and HTTP_PROXY need a user and a password that it takes' : ''
  return `the company's proxy answered ${status}${cure}`
}

/** The proxy's own failure must not be taken for the host's. */
export function describeProxyFailure(error: unknown): Error {
  if (error instanceof DialError) return error
  return new DialError(`the company's proxy cannot be reached (${describeFailure(error)})`)
}
