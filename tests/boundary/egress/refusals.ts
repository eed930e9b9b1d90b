/** What is said of a refusal: to the program, to the person and in the log; and that saying it has a bound. */
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { duplexPair } from 'node:stream'
import tls from 'node:tls'
import { expect } from 'vitest'
import { REFUSAL_REASON_HEADER } from '../../../container/contract/tunnel.ts'
import { writeRefusal } from '../../../lib/domain/egress-policy.ts'
import type { EventView } from '../../../lib/services/agent/schemas.ts'
import { curl, findDenial, OWN_ADDRESS, openHostileTunnel, speak, writeConnect } from '../../support/egress-stage.ts'
import type { EgressSuite } from './suite.ts'

/** Asks for `count` names that it makes up, one after another. */
const FLOOD = (count: number) => `python3 -c '
import socket
for index in range(${count}):
    s = socket.create_connection(("127.0.0.1", 3128)); s.settimeout(20)
    s.sendall(b"CONNECT flood-%d.test:443 HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n" % index)
    assert s.recv(65536).startswith(b"HTTP/1.1 403 flood-"), index
    s.close()'`

const ADDRESSES = {
  private: '10.0.0.1',
  loopback: '127.0.0.1',
  link_local: '169.254.9.9',
  shared: '100.64.0.1',
  multicast: '224.0.0.1',
  unspecified: '0.0.0.0',
  reserved: '240.0.0.1',
  metadata: '169.254.169.254',
  own: OWN_ADDRESS,
}

export function tryRefusals({ attempt, stage }: EgressSuite): void {
  attempt('a flood of refusals', async () => {
    const { rig, startAgent } = stage()
    const agent = await startAgent()
    const isDenial = ({ type }: EventView) => type === 'egress_denied'
    expect((await agent.sh(FLOOD(600))).output).toBe('')
    const last = await agent.until('the last for now', (event) => isDenial(event) && event.data.note !== undefined)
    expect(last.data.note).toBe('There are too many: from now on one in 6 seconds is in the log.')
    // What comes through later says how many did not.
    const isAfterFlood = (event: EventView) => isDenial(event) && /^later-/.test(String(event.data.host))
    let isOver = false
    const over = () => {
      isOver = true
    }
    const later = agent.until('one after the flood', isAfterFlood)
    later.then(over, over)
    for (let index = 0; !isOver; index += 1) await curl(agent, `https://later-${index}.test/`)
    const { seq } = await later
    const denied = agent.events.filter((event) => isDenial(event) && event.seq <= seq)
    const leftOut = denied.map(({ data }) => Number.parseInt(String(data.note), 10)).filter((count) => count > 0)
    expect(denied.length + sum(leftOut)).toBeGreaterThan(600)
    const [first, lastOne] = [denied[0]?.createdAt, denied.at(-1)?.createdAt].map((at) => Date.parse(at ?? ''))
    expect(denied.length).toBeLessThanOrEqual(100 + 1 + ((lastOne ?? 0) - (first ?? 0)) / 6_000)
    const { HostConfig } = await rig.engine.inspect(agent.id)
    expect(HostConfig.LogConfig).toMatchObject({ Config: { 'max-size': '10m' } })
  })

  attempt('every refusal: rule, host and cure on the wire, in an event and in the log', async () => {
    const { none, open, world, startAgent } = stage()
    const agent = await startAgent()
    const refused: { rule: string; host: string; of: typeof agent; wire: string }[] = [
      { rule: 'mode_none', host: 'rule-none.test', of: none, wire: await curl(none, 'https://rule-none.test/') },
      {
        rule: 'not_on_allowlist',
        host: 'rule-list.test',
        of: agent,
        wire: await curl(agent, 'https://rule-list.test/'),
      },
      {
        rule: 'port_not_allowed',
        host: 'rule-port.test',
        of: open,
        wire: await curl(open, 'http://rule-port.test:81/'),
      },
      { rule: 'invalid_host', host: '0x7f.1:443', of: open, wire: await speak(open, writeConnect('0x7f.1:443')) },
      {
        rule: 'not_tls',
        host: 'listed.test',
        of: agent,
        wire: await speak(agent, writeConnect('listed.test:443'), 'hello\r\n'),
      },
    ]
    for (const [kind, address] of Object.entries(ADDRESSES)) {
      const host = `rule-${kind.replace('_', '-')}.direct.test`
      world.names[host] = [address]
      refused.push({ rule: `address_${kind}`, host, of: agent, wire: await curl(agent, `https://${host}/`) })
    }
    const tunnel = await openHostileTunnel(stage(), agent)
    for (const [rule, say] of Object.entries(HELLOS)) {
      refused.push({ rule, host: 'listed.test', of: agent, wire: await readTrailers(tunnel.session, say) })
    }
    tunnel.close()
    for (const { rule, host, of, wire } of refused) {
      const { reason, cure, port } = await findDenial(of, host, rule)
      const [said, cured] = [String(reason), String(cure)]
      expect(said).toContain(host)
      expect(cured).not.toBe('')
      expect(wire, rule).toContain(writeRefusal({ rule, reason: said, cure: cured }))
      const record = { message: 'egress refused', agentId: of.id, host, port, rule, reason, cure }
      expect(stage().log, rule).toContainEqual(expect.objectContaining(record))
    }
  })
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

/** By rule, a hello that it stops. A TLS client itself shows no more than an alert. */
const HELLOS: Record<string, (stream: ClientHttp2Stream) => void> = {
  tls_malformed: (stream) => void stream.write(Buffer.from([0x16, 3, 1, 0, 4, 2, 0, 0, 0])),
  sni_missing: (stream) => writeHello(stream, {}),
  sni_mismatch: (stream) => writeHello(stream, { servername: 'evil.test' }),
}

/** The client hears of nothing, so that it never leaves before the refusal is whole. */
function writeHello(stream: ClientHttp2Stream, options: { servername?: string }): void {
  const [inside, outside] = duplexPair()
  tls.connect({ socket: inside, ...options })
  outside.pipe(stream)
}

/** What the trailers of a tunnel say, in which `say` spoke. */
async function readTrailers(session: ClientHttp2Session, say: (stream: ClientHttp2Stream) => void): Promise<string> {
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'listed.test:443' }, { endStream: false })
  stream.on('error', () => undefined)
  await once(stream, 'response')
  stream.resume()
  const trailers = once(stream, 'trailers') as Promise<[IncomingHttpHeaders]>
  say(stream)
  const [headers] = await trailers
  stream.destroy()
  return String(headers[REFUSAL_REASON_HEADER])
}
