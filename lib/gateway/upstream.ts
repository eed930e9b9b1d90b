/**
 * Requests of the gateways to the world: model providers and the forge. Owns: connections, the company proxy, timeouts, bodies
 * with back-pressure. Follows no redirect, adds no header of its own but those of HTTP, decompresses nothing.
 */
import http from 'node:http'
import https from 'node:https'
import type { CompanyProxy } from '../domain/company-proxy.ts'
import { findProxyForUrl } from '../domain/company-proxy.ts'

export interface UpstreamRequest {
  url: URL
  method: string
  headers: Record<string, string>
  /** An iterable is streamed, chunked; when it throws, the request is destroyed. */
  body?: Buffer | AsyncIterable<Buffer>
  signal?: AbortSignal
  /** Longest silence on the connection, before and during the answer. */
  idleTimeoutMs: number
}

export interface Upstream {
  /** Resolves with the head of the answer, whatever its status. Rejects with an UpstreamError. */
  send(request: UpstreamRequest): Promise<http.IncomingMessage>
  close(): void
}

export class UpstreamError extends Error {
  /** True when the whole request had been handed over: the other side may have acted on it. */
  readonly sent: boolean
  /** True when the other side said nothing for as long as was waited. */
  readonly silent: boolean

  constructor(message: string, options: { sent: boolean; silent: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.name = 'UpstreamError'
    this.sent = options.sent
    this.silent = options.silent
  }
}

export function createUpstream({ proxy }: { proxy: CompanyProxy }): Upstream {
  const direct = createAgents({})
  // Typed as a whole environment; the agents read the proxy's variables of it.
  const proxied = createAgents({
    proxyEnv: { ...({} as NodeJS.ProcessEnv), HTTPS_PROXY: proxy.https ?? '', HTTP_PROXY: proxy.http ?? '' },
  })
  const open = (request: UpstreamRequest) => {
    const { url, method, headers, signal } = request
    const options = { method, headers, timeout: request.idleTimeoutMs, ...(signal === undefined ? {} : { signal }) }
    const agents = findProxyForUrl(proxy, url) === null ? direct : proxied
    return url.protocol === 'https:'
      ? https.request(url, { ...options, agent: agents.https })
      : http.request(url, { ...options, agent: agents.http })
  }

  /** A kept connection can die as it is taken up again: then, and only with a body that can be repeated, once more. */
  const send = async (request: UpstreamRequest, repeated = false): Promise<http.IncomingMessage> => {
    const outgoing = open(request)
    let answer: http.IncomingMessage | null = null
    outgoing.once('response', (response) => {
      answer = response
    })
    let silent = false
    outgoing.on('timeout', () => {
      silent = true
      const silence = new Error(`no answer and no progress for ${request.idleTimeoutMs} ms`)
      // First, or its reader hears of a connection that was cut.
      answer?.destroy(silence)
      outgoing.destroy(silence)
    })
    let sent = false
    outgoing.once('finish', () => {
      sent = true
    })
    const answered = awaitResponse(outgoing)
    void writeBody(outgoing, request.body)
    try {
      return await answered
    } catch (error) {
      const repeatable = request.body === undefined || Buffer.isBuffer(request.body)
      if (!repeated && repeatable && outgoing.reusedSocket && isConnectionReset(error)) return send(request, true)
      const way = findProxyForUrl(proxy, request.url) === null ? '' : " through the company's proxy"
      throw new UpstreamError(`${request.url.host} could not be reached${way}: ${describeFailure(error)}`, {
        sent,
        silent,
        cause: error,
      })
    }
  }

  return {
    send: (request) => send(request),
    close: () => {
      for (const agent of [direct.http, direct.https, proxied.http, proxied.https]) agent.destroy()
    },
  }
}

function createAgents(options: http.AgentOptions): { http: http.Agent; https: https.Agent } {
  const kept = { keepAlive: true, ...options }
  return { http: new http.Agent(kept), https: new https.Agent(kept) }
}

async function awaitResponse(outgoing: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    // Stays for good: an error after the answer's head reaches its reader as an error of the answer.
    outgoing.on('error', reject)
    outgoing.once('close', () => reject(new Error('the connection was closed before an answer')))
  })
}

async function writeBody(outgoing: http.ClientRequest, body: UpstreamRequest['body']): Promise<void> {
  if (body === undefined || Buffer.isBuffer(body)) {
    outgoing.end(body)
    return
  }
  try {
    for await (const chunk of body) {
      if (outgoing.destroyed) return
      if (!outgoing.write(chunk)) await waitForDrain(outgoing)
    }
    outgoing.end()
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

function waitForDrain(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      outgoing.off('drain', goOn)
      outgoing.off('close', goOn)
      resolve()
    }
    outgoing.on('drain', goOn)
    outgoing.on('close', goOn)
  })
}

function isConnectionReset(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** The system's code where there is one (ECONNREFUSED, ENOTFOUND), else the message. */
export function describeFailure(error: unknown): string {
  const code = errorCode(error)
  // Of a proxy that answers something else than 200 only the message says what.
  if (code !== null && code !== 'ERR_PROXY_TUNNEL') return code
  return error instanceof Error ? error.message : String(error)
}

function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null
  return 'code' in error && typeof error.code === 'string' ? error.code : null
}
