/**
 * The world as a sandbox can reach it in a test: a company's proxy that leads every name to servers on this machine, an internal
 * host beside it, and names that resolve as the test says. Each remembers what came to it.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Network } from '../../lib/gateway/egress/destination.ts'

export interface EgressWorld {
  /** "http://user:password@127.0.0.1:port" */
  proxyUrl: string
  proxyPassword: string
  /** What the proxy was asked for: "CONNECT listed.test:443", "GET http://listed.test/". */
  proxied: string[]
  /** What was asked of the web servers, by TLS or plainly. */
  requests: WebRequest[]
  /** Ports on this machine: plain http, https. */
  ports: { plain: number; tls: number }
  /** Answers a plain-http request instead of the usual words; null for those. */
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => boolean
  /** The certificate of the https server, PEM. */
  certificate: string
  names: Record<string, string[] | (() => string[])>
  /** Every name that was looked up. */
  resolved: string[]
  network: Network
  /** A server of any protocol on this machine; it is closed with the world. */
  listen(serve: (socket: Socket) => void, host?: string): Promise<{ port: number; sockets: Set<Socket> }>
  close(): Promise<void>
}

export interface WebRequest {
  tls: boolean
  /** Of the TLS hello. */
  serverName: string | null
  host: string
  method: string
  url: string
}

/** A certificate for everything below .test is taken by no client. */
const CERTIFIED = ['listed.test', 'added.test', 'nobody-listed.test', 'mirror.direct.test']

export const USUAL_ANSWER = 'the world answers'

export async function startEgressWorld({ ownAddresses }: { ownAddresses: string[] }): Promise<EgressWorld> {
  await using started = new AsyncDisposableStack()
  const { key, certificate } = await makeCertificate()
  const world: Pick<EgressWorld, 'proxied' | 'requests' | 'answer' | 'names' | 'resolved'> = {
    proxied: [],
    requests: [],
    answer: () => false,
    names: {},
    resolved: [],
  }
  const serveWeb = (tls: boolean) => (request: http.IncomingMessage, response: http.ServerResponse) => {
    const serverName = 'servername' in request.socket ? String(request.socket.servername || '') || null : null
    const { method = '', url = '', headers } = request
    world.requests.push({ tls, serverName, host: headers.host ?? '', method, url })
    if (!world.answer(request, response)) response.end(`${USUAL_ANSWER}\n`)
  }
  const start = async <S extends net.Server>(server: S): Promise<number> => {
    const sockets = trackSockets(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    started.defer(() => closeServer(server, sockets))
    return (server.address() as AddressInfo).port
  }
  const ports = {
    plain: await start(http.createServer(serveWeb(false))),
    tls: await start(https.createServer({ key, cert: certificate }, serveWeb(true))),
  }
  const proxyPassword = 'hunter2-of-the-proxy'
  const proxyPort = await start(createProxy({ proxied: world.proxied, ports, password: proxyPassword }))
  const everything = started.move()
  return Object.assign(world, {
    proxyUrl: `http://ada:${proxyPassword}@127.0.0.1:${proxyPort}`,
    proxyPassword,
    ports,
    certificate,
    network: {
      ownAddresses: () => ownAddresses,
      resolve: async (host: string) => {
        world.resolved.push(host)
        const found = world.names[host]
        if (found === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
        return typeof found === 'function' ? found() : found
      },
    },
    async listen(serve: (socket: Socket) => void, host = '127.0.0.1') {
      const server = net.createServer({ allowHalfOpen: true })
      const sockets = trackSockets(server)
      server.on('connection', serve)
      server.listen(0, host)
      await once(server, 'listening')
      everything.defer(() => closeServer(server, sockets))
      return { port: (server.address() as AddressInfo).port, sockets }
    },
    close: () => everything.disposeAsync(),
  })
}

/** Leads port 443 of any name to the https server and the rest to the other one; wants the password. */
function createProxy(input: { proxied: string[]; ports: EgressWorld['ports']; password: string }): http.Server {
  const { proxied, ports, password } = input
  const wanted = `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`
  const isKnown = (request: http.IncomingMessage) => request.headers['proxy-authorization'] === wanted
  const server = http.createServer((request, response) => {
    proxied.push(`${request.method} ${request.url}`)
    if (!isKnown(request)) {
      response.writeHead(407).end()
      return
    }
    const { pathname, search } = new URL(request.url ?? '')
    const { 'proxy-authorization': _, ...headers } = request.headers
    const onward = http.request(
      { port: ports.plain, host: '127.0.0.1', path: `${pathname}${search}`, method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
    proxied.push(`CONNECT ${request.url}`)
    socket.on('error', () => socket.destroy())
    if (!isKnown(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const onward = net.connect(request.url?.endsWith(':443') ? ports.tls : ports.plain, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    onward.on('error', () => socket.destroy())
    socket.once('close', () => onward.destroy())
    onward.once('close', () => socket.destroy())
  })
  return server
}

function trackSockets(server: net.Server): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

async function closeServer(server: net.Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
}

async function makeCertificate(): Promise<{ key: string; certificate: string }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'berth-certificate-'))
  try {
    const [keyFile, file] = [path.join(folder, 'key.pem'), path.join(folder, 'certificate.pem')]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
    const names = [
      '-subj',
      '/CN=world',
      '-addext',
      `subjectAltName=${CERTIFIED.map((name) => `DNS:${name}`).join(',')}`,
    ]
    await promisify(execFile)('openssl', ['req', '-x509', '-days', '2', ...curve, ...names, '-out', file])
    return { key: await readFile(keyFile, 'utf8'), certificate: await readFile(file, 'utf8') }
  } finally {
    await rm(folder, { recursive: true })
  }
}
