/** The egress gateway behind a real tunnel, one server on this machine that remembers what it was sent, and names as a test says. */
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import { afterEach, beforeEach } from 'vitest'
import type { EgressPolicy } from '../../lib/domain/egress-policy.ts'
import type { TunnelRig, TunnelRigOptions } from './tunnel-rig.ts'
import { createTunnelRig, fakeEgressAccess } from './tunnel-rig.ts'

export interface EgressRig {
  rig: TunnelRig
  session: ClientHttp2Session
  egress: ReturnType<typeof fakeEgressAccess>
  names: Record<string, string[]>
  /** Every name that was looked up. */
  resolved: string[]
  /** The server's, on 127.0.0.1. */
  port: number
  heard: Buffer[]
  sockets: Set<Socket>
  /** What it does with a connection. */
  serveConnection: (socket: Socket) => void
  open(policy: Partial<EgressPolicy>, options?: TunnelRigOptions): Promise<void>
  /** Opens the policy to the server under the name `mirror.test`. */
  openMirror(options?: TunnelRigOptions): Promise<void>
  connect(authority: string): Promise<{ status: number; stream: ClientHttp2Stream; rule: unknown }>
}

/** A new one for each test. Nothing is open before `open`. */
export function prepareEgressRig(): EgressRig {
  let server: net.Server
  // What the hooks and `open` set is there before a test can ask for it.
  const at = {
    sockets: new Set<Socket>(),
    async open(policy: Partial<EgressPolicy>, options: TunnelRigOptions = {}) {
      at.egress = fakeEgressAccess({ mode: 'allowlist', allow: [], internalHosts: [], ...policy })
      const network = {
        resolve: async (host: string) => {
          at.resolved.push(host)
          const addresses = at.names[host]
          if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
          return addresses
        },
        ownAddresses: () => ['198.51.100.9'],
      }
      at.rig = createTunnelRig({ access: { egress: at.egress.access }, network, ...options })
      at.session = await at.rig.connect('egress')
    },
    openMirror(options: TunnelRigOptions = {}) {
      at.names['mirror.test'] = ['127.0.0.1']
      return at.open({ internalHosts: [`mirror.test:${at.port}`] }, options)
    },
    async connect(authority: string) {
      const stream = at.session.request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false })
      stream.on('error', () => {})
      const [headers] = await once(stream, 'response')
      return { status: headers[':status'], stream, rule: headers['x-berth-refusal'] }
    },
  } as EgressRig

  beforeEach(async () => {
    Object.assign(at, { names: {}, resolved: [], heard: [], serveConnection: () => {} })
    server = net.createServer({ allowHalfOpen: true }, (socket) => {
      at.sockets.add(socket)
      socket.on('data', (chunk) => at.heard.push(chunk))
      socket.on('error', () => {})
      at.serveConnection(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    at.port = (server.address() as AddressInfo).port
  })

  afterEach(async () => {
    await at.rig.close()
    for (const socket of at.sockets) socket.destroy()
    at.sockets.clear()
    await new Promise((resolve) => server.close(resolve))
  })
  return at
}
