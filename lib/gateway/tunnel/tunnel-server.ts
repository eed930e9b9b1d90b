/**
 * The control plane's end of a tunnel: an HTTP/2 server on a connection it opened itself. Owns: the session's settings and
 * limits, its keepalive, and that nothing which happens in one stream ends the session or the process. Must not know: what
 * the gateways behind the routes do.
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { constants, performServerHandshake } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { TunnelKind } from '../../../container/contract/tunnel.ts'
import {
  INITIAL_WINDOW_BYTES,
  MAX_HEADER_BYTES,
  MAX_STREAMS,
  UPSTREAM_SILENCE_MS,
} from '../../../container/contract/tunnel.ts'
import type { Clock } from '../../clock.ts'
import type { CompanyProxy } from '../../domain/company-proxy.ts'
import { NO_COMPANY_PROXY } from '../../domain/company-proxy.ts'
import type { Logger } from '../../logger.ts'
import type { Network } from '../egress/destination.ts'
import type { Exchange } from '../exchange.ts'
import type { GatewayAccess, Tunnel, TunnelOwner } from '../ports.ts'
import { respondRefusal, toRefusal } from '../refusal.ts'
import { createUpstream } from '../upstream.ts'
import type { Route } from './routes.ts'
import { createRoutes } from './routes.ts'

export interface TunnelServerOptions {
  access: GatewayAccess
  /** The company's proxy, from the control plane's own environment; default: none. */
  proxy?: CompanyProxy
  logger: Logger
  clock: Clock
  timeouts?: Partial<TunnelTimeouts>
  /** How names of hosts are resolved; default: as this machine does. */
  network?: Network
}

export interface TunnelTimeouts {
  /** Longest silence on one stream, and of whatever stands behind it. */
  idleMs: number
  /** Time to reach a host for a sandbox, and for its client to begin speaking. */
  connectMs: number
  /** How often a connection is asked whether it is alive; unanswered until the next time, it is closed. */
  keepaliveMs: number
}

export interface TunnelServer {
  /** Takes over a connection on which a bridge speaks HTTP/2 as the client. Owner is whose bridge was dialled. */
  attach(connection: { socket: Duplex; kind: TunnelKind; owner: TunnelOwner }): Tunnel
  /** Closes every tunnel; settles when what they had begun is settled too, within 10 s. */
  close(): Promise<void>
}

const DEFAULT_TIMEOUTS: TunnelTimeouts = { idleMs: UPSTREAM_SILENCE_MS, connectMs: 15_000, keepaliveMs: 30_000 }
/** Room for a full window on every stream, and half as much again for frames on their way. */
const SESSION_MEMORY_MB: Record<TunnelKind, number> = { control: 48, egress: 192 }
/** A stream that is over for the bridge may still be cleared away here when the next one comes in its place. */
const STREAMS_A_PLACE = 2
const CONNECTION_WINDOW_BYTES = 8 * INITIAL_WINDOW_BYTES
const MAX_HEADERS = 128
/** Streams that come faster than reset ones are cleared away are rejected one by one; that is no reason to end a session. */
const MAX_REJECTED_STREAMS = 1_000_000
/** What still runs after the tunnels are gone (a push being recorded, a call being settled) may take so long. */
const CLOSE_DEADLINE_MS = 10_000

export function createTunnelServer(options: TunnelServerOptions): TunnelServer {
  const { logger } = options
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
  const proxy = options.proxy ?? NO_COMPANY_PROXY
  const upstream = createUpstream({ proxy })
  const findRoute = createRoutes({ ...options, proxy, upstream, timeouts })
  const sessions = new Set<ServerHttp2Session>()
  const inProgress = new Set<Promise<void>>()

  const attach: TunnelServer['attach'] = ({ socket, kind, owner }) => {
    const session = performServerHandshake(socket, sessionOptions(kind))
    const tunnelLogger = logger.with({ agentId: owner.agentId, tunnel: kind })
    sessions.add(session)
    const closed = new Promise<void>((resolve) => {
      session.once('close', () => {
        sessions.delete(session)
        resolve()
      })
    })
    session.on('error', (error) => {
      if (!(error instanceof TunnelCut)) tunnelLogger.warn('a tunnel broke', { error })
    })
    session.once('remoteSettings', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES))
    keepAlive(session, timeouts.keepaliveMs)
    session.on('stream', (stream, headers) => {
      const route = findRoute(kind, headers)
      const exchange = openExchange({ stream, headers, owner, logger: tunnelLogger, idleMs: timeouts.idleMs })
      const served = serve(route, exchange).finally(() => inProgress.delete(served))
      inProgress.add(served)
    })
    return { closed, close: () => cutSession(session, 'the tunnel was closed') }
  }

  return {
    attach,
    close: async () => {
      for (const session of sessions) cutSession(session, 'the control plane is closing')
      await settleWithin(inProgress, CLOSE_DEADLINE_MS)
      upstream.close()
    },
  }
}

class TunnelCut extends Error {}

/** With an error, so that an answer in progress is cut and does not look whole. */
function cutSession(session: ServerHttp2Session, reason: string): void {
  session.destroy(new TunnelCut(reason), constants.NGHTTP2_NO_ERROR)
}

function sessionOptions(kind: TunnelKind) {
  return {
    settings: {
      maxConcurrentStreams: STREAMS_A_PLACE * MAX_STREAMS[kind],
      initialWindowSize: INITIAL_WINDOW_BYTES,
      maxHeaderListSize: MAX_HEADER_BYTES,
      enablePush: false,
    },
    maxSessionMemory: SESSION_MEMORY_MB[kind],
    maxHeaderListPairs: MAX_HEADERS,
    maxSendHeaderBlockLength: MAX_HEADER_BYTES,
    maxSessionRejectedStreams: MAX_REJECTED_STREAMS,
  }
}

interface Opening {
  stream: ServerHttp2Stream
  headers: IncomingHttpHeaders
  owner: TunnelOwner
  logger: Logger
  idleMs: number
}

function openExchange({ stream, headers, owner, logger, idleMs }: Opening): Exchange {
  const gone = new AbortController()
  stream.on('error', (error) => logger.debug('a stream broke', { error, authority: headers[':authority'] }))
  stream.once('close', () => gone.abort(new Error('the sandbox closed the stream')))
  // What stands behind the stream has its own limit, and words for it: that comes first.
  stream.setTimeout(2 * idleMs, () => stream.destroy(new Error(`nothing happened for ${2 * idleMs} ms`)))
  return { stream, headers, owner, signal: gone.signal, logger }
}

/** Settles when the exchange is over. Never rejects. */
async function serve(route: Route, exchange: Exchange): Promise<void> {
  try {
    await route.handle(exchange)
  } catch (error) {
    if (exchange.signal.aborted) {
      exchange.logger.debug('a stream was left by its sandbox', { error })
      return
    }
    respondRefusal(exchange.stream, toRefusal(error, exchange.logger), route.format)
  }
}

async function settleWithin(promises: Iterable<Promise<void>>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([Promise.all(promises), late])
  clearTimeout(timer)
}

function keepAlive(session: ServerHttp2Session, intervalMs: number): void {
  let answered = true
  const timer = setInterval(() => {
    if (!answered) {
      cutSession(session, 'the sandbox no longer answers')
      return
    }
    answered = false
    session.ping((error) => {
      answered = error === null
    })
  }, intervalMs)
  timer.unref()
  session.once('close', () => clearInterval(timer))
}
