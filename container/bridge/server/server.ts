/**
 * The bridge's HTTP server on its Unix socket: who may speak to it, one answer for every request, and the upgrade by which
 * the control plane brings a tunnel. Owns: HTTP and the token. Must not know: what the routes do.
 */
import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import { TUNNEL_UPGRADE } from '../../contract/tunnel.ts'
import type { Tunnels } from '../tunnel/tunnels.ts'
import { isAuthorised } from './bearer.ts'
import { listenOnSocket } from './listen.ts'
import { HttpProblem, problemBody, toHttpProblem, writeRawProblem } from './problem.ts'
import { type RouteContext, routes, sendJson } from './routes.ts'

export interface BridgeServerOptions extends RouteContext {
  socketPath: string
  /** Hex. */
  tokenSha256: string
  logger: Logger
}

export interface BridgeServer {
  /** Ends every connection. */
  close(): Promise<void>
}

/** Listens. Rejects when the socket cannot be made. */
export async function startBridgeServer(options: BridgeServerOptions): Promise<BridgeServer> {
  const { logger } = options
  const server = http.createServer({ keepAliveTimeout: 30_000 })
  const sockets = new Set<Duplex>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => void serve(options, request, response))
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', (error) => logger.debug('An upgraded connection failed.', { error }))
    try {
      upgrade(options, { request, socket, head })
    } catch (error) {
      writeRawProblem(socket, describe(error, { logger, what: 'an upgrade' }))
    }
  })
  server.on('clientError', (_error, socket) => {
    writeRawProblem(socket, new HttpProblem(400, 'validation_failed', 'This is not an HTTP request.'))
  })
  await listenOnSocket(server, options.socketPath)
  server.on('error', (error) => logger.error('The server failed.', { error }))

  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function serve(
  options: BridgeServerOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('The client went away.'))
  })
  response.on('error', (error) => options.logger.debug('An answer could not be written.', { error }))
  try {
    if (!isAuthorised(request, options.tokenSha256)) throw unauthenticated()
    const url = parseUrl(request)
    const methods = routes[url.pathname]
    if (!methods) throw new HttpProblem(404, 'not_found', `There is no ${url.pathname} here.`)
    const route = methods[request.method ?? '']
    if (!route) {
      throw new HttpProblem(405, 'validation_failed', `${url.pathname} takes ${Object.keys(methods).join(', ')}.`)
    }
    await route(options, { request, response, url, signal: gone.signal })
  } catch (error) {
    if (gone.signal.aborted) return
    const problem = describe(error, { logger: options.logger, what: `${request.method} ${request.url}` })
    if (response.headersSent) {
      response.destroy()
      return
    }
    // What is left of a body that was refused is not read: the connection ends with the answer.
    if (!request.complete) response.setHeader('connection', 'close')
    sendJson(response, problem.status, problemBody(problem))
  }
}

function upgrade(
  { tokenSha256, tunnels }: { tokenSha256: string; tunnels: Tunnels },
  { request, socket, head }: { request: http.IncomingMessage; socket: Duplex; head: Buffer },
): void {
  if (!isAuthorised(request, tokenSha256)) throw unauthenticated()
  const url = parseUrl(request)
  if (url.pathname !== '/tunnel' || request.headers.upgrade !== TUNNEL_UPGRADE) {
    throw new HttpProblem(404, 'not_found', `Only /tunnel is upgraded, to ${TUNNEL_UPGRADE}.`)
  }
  const kind = url.searchParams.get('kind')
  const fence = Number(url.searchParams.get('fence') ?? Number.NaN)
  if ((kind !== 'control' && kind !== 'egress') || !Number.isSafeInteger(fence) || fence < 0) {
    throw new HttpProblem(422, 'validation_failed', '`kind` is control or egress, `fence` a whole number.')
  }
  if (!tunnels.admits(fence)) {
    throw new HttpProblem(
      409,
      'state_conflict',
      `The fence ${fence} is older than ${tunnels.fence}: another control plane has taken this agent over.`,
    )
  }
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TUNNEL_UPGRADE}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
  tunnels.attach({ kind, fence, socket })
}

function parseUrl(request: http.IncomingMessage): URL {
  const base = 'http://bridge'
  if (!URL.canParse(request.url ?? '', base)) {
    throw new HttpProblem(400, 'validation_failed', 'The URL of this request cannot be read.')
  }
  return new URL(request.url ?? '', base)
}

function unauthenticated(): HttpProblem {
  return new HttpProblem(401, 'unauthenticated', 'Requests to the bridge carry the token of its incarnation.')
}

/** What is not a known problem is a defect: logged here, once, and answered without its words. */
function describe(error: unknown, { logger, what }: { logger: Logger; what: string }): HttpProblem {
  const problem = toHttpProblem(error)
  if (problem) return problem
  logger.error('A request failed.', { what, error })
  return new HttpProblem(500, 'internal', 'The bridge failed while it served this request. Its log says why.')
}
