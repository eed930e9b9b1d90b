/**
 * An installation behind a company's proxy, with an agent of each kind of egress, and a world around it in which every name leads
 * to this machine. Owns: what each agent may reach. The tests say what is tried.
 */
import { once } from 'node:events'
import type { ClientHttp2Session } from 'node:http2'
import http2 from 'node:http2'
import type { Socket } from 'node:net'
import type { CreateAgentInput, EventView } from '../../lib/services/agent/schemas.ts'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from './boundary-rig.ts'
import { type EgressWorld, startEgressWorld } from './egress-world.ts'
import { createSocketPair } from './tunnel-rig.ts'

/** An address that the control plane is told is its own. */
export const OWN_ADDRESS = '198.51.100.9'
export const REGISTRY_PASSWORD = 'hunter2-of-the-registries'
const CERTIFICATE = '/tmp/world.pem'
const PROXY = { host: '127.0.0.1', port: 3128 }

export interface EgressStage {
  world: EgressWorld
  rig: BoundaryRig
  /** Mode allowlist: the defaults, what all agents may reach, and `added.test`. */
  main: BoundaryAgent
  /** Mode allowlist, nothing added. */
  other: BoundaryAgent
  open: BoundaryAgent
  none: BoundaryAgent
  /** A server of no protocol at the internal host `raw.direct.test`; a test says what it does. */
  raw: { port: number; sockets: Set<Socket>; serve: (socket: Socket) => void }
  /** The control plane's log, a record each. */
  log: Record<string, unknown>[]
  /** One more, in mode allowlist unless the input says otherwise. */
  startAgent(input?: Partial<CreateAgentInput>): Promise<BoundaryAgent>
  close(): Promise<void>
}

export async function startEgressStage(): Promise<EgressStage> {
  await using started = new AsyncDisposableStack()
  const world = await startEgressWorld({ ownAddresses: [OWN_ADDRESS] })
  started.defer(() => world.close())
  const raw = { port: 0, sockets: new Set<Socket>(), serve: (socket: Socket) => void socket.end() }
  Object.assign(raw, await world.listen((socket) => raw.serve(socket)))
  for (const host of ['mirror', 'raw', 'npm', 'pip', 'go']) world.names[`${host}.direct.test`] = ['127.0.0.1']
  world.names['metadata.direct.test'] = ['169.254.169.254']
  const { log, restore } = captureLog()
  started.defer(async () => restore())
  const { plain, tls } = world.ports
  const registry = (name: string) => `http://ada:${REGISTRY_PASSWORD}@${name}.direct.test:${plain}`
  const internal = [`mirror.direct.test:${plain}`, `mirror.direct.test:${tls}`, `raw.direct.test:${raw.port}`]
  const rig = await startBoundary({
    network: world.network,
    env: {
      HTTPS_PROXY: world.proxyUrl,
      HTTP_PROXY: '',
      NO_PROXY: 'direct.test',
      BERTH_EGRESS_ALLOW: 'listed.test,*.direct.test',
      BERTH_EGRESS_INTERNAL_HOSTS: [...internal, 'metadata.direct.test'].join(','),
      NPM_CONFIG_REGISTRY: `${registry('npm')}/npm/`,
      PIP_INDEX_URL: `${registry('pip')}/simple/`,
      UV_INDEX_URL: `${registry('pip')}/simple/`,
      GOPROXY: `${registry('go')}/go,direct`,
      BERTH_LOG_LEVEL: 'debug',
    },
  })
  started.defer(() => rig.close())
  const startAgent = async (input: Partial<CreateAgentInput> = {}) => {
    const agent = await rig.startAgent(input)
    await agent.sh(`cat > ${CERTIFICATE} <<'PEM'\n${world.certificate}PEM`)
    return agent
  }
  const stage = {
    world,
    rig,
    raw,
    log,
    startAgent,
    main: await startAgent({
      egress: { allow: ['added.test', 'added.test:8443', `rebind.direct.test:${raw.port}`] },
    }),
    other: await startAgent(),
    open: await startAgent({ egress: { mode: 'open' } }),
    none: await startAgent({ egress: { mode: 'none' } }),
  }
  const everything = started.move()
  return { ...stage, close: () => everything.disposeAsync() }
}

/** What curl shows, with every head; the world's certificate is trusted. */
export async function curl(agent: BoundaryAgent, line: string): Promise<string> {
  return (await agent.sh(`curl -sSi -m 25 --cacert ${CERTIFICATE} ${line}`)).output
}

/** The event of a refusal, past or coming. */
export async function findDenial(agent: BoundaryAgent, host: string, rule?: string): Promise<EventView['data']> {
  const fits = ({ type, data }: EventView) =>
    type === 'egress_denied' && data.host === host && (rule === undefined || data.rule === rule)
  return (await agent.until(`the refusal of ${host}`, fits)).data
}

const SPEAK = `
import base64, socket, sys
s = socket.create_connection(("${PROXY.host}", ${PROXY.port}))
s.settimeout(30)
for part in sys.argv[1:]:
    s.sendall(base64.b64decode(part))
    try:
        heard = s.recv(65536)
    except ConnectionResetError:
        heard = b""
    sys.stdout.buffer.write(heard)
    if not heard: break
else:
    try:
        while heard:
            heard = s.recv(65536)
            sys.stdout.buffer.write(heard)
    except ConnectionResetError:
        pass
`

/** Says each part to the proxy inside, as it is, waiting for an answer after each; answers all that is heard until it closes. */
export async function speak(agent: BoundaryAgent, ...parts: (string | Buffer)[]): Promise<string> {
  const encoded = parts.map((part) => Buffer.from(part).toString('base64'))
  return (await agent.sh(`python3 -c '${SPEAK}' ${encoded.join(' ')}`)).output
}

export function writeConnect(authority: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`
}

/** The control plane's end of an egress tunnel as a bridge has it that keeps to no rule. */
export async function openHostileTunnel(
  { rig }: EgressStage,
  agent: BoundaryAgent,
): Promise<{ session: ClientHttp2Session; close(): void }> {
  const incarnation = (await rig.parts.stores.agents.find(agent.id))?.incarnation ?? ''
  const [inside, outside] = await createSocketPair()
  const tunnel = rig.parts.attachTunnel({ socket: outside, kind: 'egress', owner: { agentId: agent.id, incarnation } })
  const session = http2.connect('http://control-plane', {
    createConnection: () => inside,
    peerMaxConcurrentStreams: 5_000,
  })
  session.on('error', () => session.destroy())
  await once(session, 'connect')
  return {
    session,
    close() {
      session.destroy()
      tunnel.close()
      inside.destroy()
    },
  }
}

/** The logger writes to standard error; there the records are kept from the one who reads the test's output. */
function captureLog(): { log: Record<string, unknown>[]; restore(): void } {
  const log: Record<string, unknown>[] = []
  const write = process.stderr.write
  process.stderr.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
    const text = String(chunk)
    if (!text.startsWith('{"time"')) return write.call(process.stderr, chunk, ...rest)
    log.push(
      ...text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    )
    return true
  }) as typeof process.stderr.write
  return {
    log,
    restore() {
      process.stderr.write = write
    },
  }
}
