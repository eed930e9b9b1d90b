/**
 * The HTTP proxy inside the sandbox, on 127.0.0.1: what programs are told to use. Owns: HTTP/1.1 on the programs' side and
 * its limits. Must not know: which hosts are allowed (the control plane's), what git says.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import { MAX_HEADER_BYTES } from '../../contract/tunnel.ts'
import type { TunnelLink } from '../tunnel/tunnel-link.ts'
import { CONNECTED, forwardConnect } from './forward-connect.ts'
import { forwardRequest } from './forward-request.ts'
import { writeRawRefusal } from './refusal.ts'

const HEADERS_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 30_000
const MAX_CONNECTIONS = 4_096

export interface ProxyContext {
  links: { control: TunnelLink; egress: TunnelLink }
  logger: Logger
  /** Told of every request that was refused, here or by the control plane. */
  onRefusal: (target: string, reason: string) => void
  /** How long a request waits for a tunnel that is not there. */
  tunnelWaitMs: number
  /** After so long without a byte either way a connection is ended. */
  idleMs: number
  /**
   * Takes a tunnel to port 80, which some programs ask for before plain http (Node's fetch): what is said in it are requests
   * like any other, each judged by itself. The control plane lets nothing but TLS through a tunnel there.
   */
  servePlainly(tunnel: { socket: Duplex; head: Buffer; authority: string }): void
}

export interface LocalProxy {
  /** The port it listens on: the one asked for, or a free one when 0 was. */
  readonly port: number
  close(): Promise<void>
}

export interface ProxyOptions {
  links: ProxyContext['links']
  logger: Logger
  onRefusal?: ProxyContext['onRefusal']
  /** 0 takes a free one. */
  port: number
  tunnelWaitMs?: number
  idleMs?: number
}

/** Listens on 127.0.0.1. Rejects when the port is taken. */
export async function startProxy(options: ProxyOptions): Promise<LocalProxy> {
  /** Where the requests of a connection go that are in origin-form. */
  const tunnelled = new WeakMap<Duplex, string>()
  const context: ProxyContext = {
    onRefusal: () => undefined,
    tunnelWaitMs: 10_000,
    idleMs: 15 * 60_000,
    ...options,
    servePlainly({ socket, head, authority }) {
      tunnelled.set(socket, authority)
      socket.write(CONNECTED)
      if (head.length > 0) socket.unshift(head)
      server.emit('connection', socket)
    },
  }
  const server = http.createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A push or an upload takes as long as it takes; idle connections are ended by `idleMs`.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  const sockets = new Set<Duplex>()
  server.maxConnections = MAX_CONNECTIONS
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', (request, response) => {
    const authority = tunnelled.get(request.socket)
    if (authority !== undefined && request.url?.startsWith('/')) request.url = `http://${authority}${request.url}`
    void forwardRequest(context, request, response)
  })
  server.on('connect', (request, socket, head) => void forwardConnect(context, { request, socket, head }))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
    writeRawRefusal(socket, {
      status: tooLarge ? 431 : 400,
      reason: tooLarge ? `The headers are larger than ${MAX_HEADER_BYTES} bytes.` : 'This is not an HTTP request.',
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  server.on('error', (error) => options.logger.error('The proxy failed.', { error }))

  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
