/**
 * A tunnel as a bridge sees it: a real socket, the real tunnel server on one end, a plain HTTP/2 client on the other, and access
 * ports that are plain objects and remember what they were asked.
 */
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import http2 from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import type { TunnelKind } from '../../container/contract/tunnel.ts'
import { EGRESS_HEADER, INITIAL_WINDOW_BYTES } from '../../container/contract/tunnel.ts'
import { systemClock } from '../../lib/clock.ts'
import type { CompanyProxy } from '../../lib/domain/company-proxy.ts'
import { BerthError } from '../../lib/errors.ts'
import type { Network } from '../../lib/gateway/egress/destination.ts'
import type {
  EgressAccess,
  ForgeAccess,
  GatewayAccess,
  GitAccess,
  GitGrant,
  ModelAccess,
  RecordedPush,
  TunnelOwner,
} from '../../lib/gateway/ports.ts'
import type { TunnelServer, TunnelTimeouts } from '../../lib/gateway/tunnel/tunnel-server.ts'
import { createTunnelServer } from '../../lib/gateway/tunnel/tunnel-server.ts'
import { createLogger } from '../../lib/logger.ts'

export const OWNER = { agentId: 'agt_test', incarnation: 'inc_test' }

export interface Answer {
  headers: IncomingHttpHeaders
  status: number
  body: string
}

export interface TunnelRig {
  server: TunnelServer
  /** Every line the gateways logged. */
  logLines: string[]
  connect(kind: TunnelKind): Promise<ClientHttp2Session>
  close(): Promise<void>
}

export interface TunnelRigOptions {
  access?: Partial<GatewayAccess>
  proxy?: CompanyProxy
  timeouts?: Partial<TunnelTimeouts>
  network?: Network
}

export function createTunnelRig(options: TunnelRigOptions = {}): TunnelRig {
  const logLines: string[] = []
  const logger = createLogger({ level: 'debug', write: (line) => logLines.push(line) })
  const server = createTunnelServer({
    access: { ...refusingAccess(), ...options.access },
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    logger,
    clock: systemClock,
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
    ...(options.network === undefined ? {} : { network: options.network }),
  })
  const sessions: ClientHttp2Session[] = []
  const sockets: Socket[] = []
  return {
    server,
    logLines,
    connect: async (kind) => {
      const { session, sockets: both } = await connectTunnel({ attach: server.attach, kind, owner: OWNER })
      sockets.push(...both)
      sessions.push(session)
      return session
    },
    close: async () => {
      for (const session of sessions) session.destroy()
      await server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The bridge's end of a tunnel that `attach` takes for the owner's: a client that says whatever it likes. */
export async function connectTunnel(input: {
  attach: TunnelServer['attach']
  kind: TunnelKind
  owner: TunnelOwner
}): Promise<{ session: ClientHttp2Session; sockets: Socket[] }> {
  const { attach, kind, owner } = input
  const [inside, outside] = await createSocketPair()
  attach({ socket: outside, kind, owner })
  const session = http2.connect('http://control-plane', {
    createConnection: () => inside,
    settings: { initialWindowSize: INITIAL_WINDOW_BYTES, enablePush: false },
  })
  session.on('error', () => session.destroy())
  await once(session, 'remoteSettings')
  return { session, sockets: [inside, outside] }
}

/** Two ends of one TCP connection. */
export async function createSocketPair(): Promise<[Socket, Socket]> {
  const listener = net.createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const accepted = once(listener, 'connection')
  const first = net.connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [second] = (await accepted) as [Socket]
  listener.close()
  return [first, second]
}

/** One request and its whole answer. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return readAnswer(stream)
}

export async function readAnswer(stream: ClientHttp2Stream): Promise<Answer> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }]
  return { headers, status: headers[':status'] ?? 0, body: await readText(stream) }
}

export async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

export const PLAIN_HTTP = { ':scheme': 'http', [EGRESS_HEADER]: 'http' }

function refusingAccess(): GatewayAccess {
  const refuse = async (): Promise<never> => {
    throw new BerthError('forbidden', 'This test gives no access here.')
  }
  return {
    model: { begin: refuse, noteGeneration: refuse, settle: refuse },
    git: { grant: refuse, recordPush: refuse },
    egress: { policy: refuse, recordDenied: refuse },
    forge: { openPullRequest: refuse },
    people: { take: refuse },
  }
}

export type Settlement = Parameters<ModelAccess['settle']>[0]
export type Denial = Parameters<EgressAccess['recordDenied']>[1]

export function fakeModelAccess(grant: { baseUrl: string; apiKey?: string; maxTokens?: number | null }) {
  const begun: Parameters<ModelAccess['begin']>[0][] = []
  const settled: Settlement[] = []
  const generations: string[] = []
  const access: ModelAccess = {
    begin: async (input) => {
      begun.push(input)
      return { modelCallId: `mdl_${begun.length}`, apiKey: 'sk-secret-key', maxTokens: null, ...grant }
    },
    noteGeneration: async ({ generationId }) => {
      generations.push(generationId)
    },
    settle: async (input) => {
      settled.push(input)
    },
  }
  return { access, begun, settled, generations }
}

export function fakeGitAccess(grant: GitGrant) {
  const pushes: RecordedPush[] = []
  const access: GitAccess = {
    grant: async () => grant,
    recordPush: async (_agentId, push) => {
      pushes.push(push)
      if (push.outcome === 'ok') grant.targetTip = push.newSha
    },
  }
  return { access, pushes, grant }
}

export function fakeEgressAccess(policy: Awaited<ReturnType<EgressAccess['policy']>>) {
  const denials: Denial[] = []
  const access: EgressAccess = {
    policy: async () => policy,
    recordDenied: async (_agentId, denial) => {
      denials.push(denial)
    },
  }
  return { access, denials, policy }
}

export function fakeForgeAccess(answer: Awaited<ReturnType<ForgeAccess['openPullRequest']>>) {
  const asked: Parameters<ForgeAccess['openPullRequest']>[0][] = []
  const access: ForgeAccess = {
    openPullRequest: async (input) => {
      asked.push(input)
      return answer
    },
  }
  return { access, asked }
}
