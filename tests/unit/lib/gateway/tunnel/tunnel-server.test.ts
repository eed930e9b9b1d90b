import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import http2 from 'node:http2'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TunnelKind } from '../../../../../container/contract/tunnel.ts'
import { MAX_STREAMS, RUN_HEADER } from '../../../../../container/contract/tunnel.ts'
import type { TunnelRig } from '../../../../support/tunnel-rig.ts'
import {
  ask,
  createSocketPair,
  createTunnelRig,
  fakeEgressAccess,
  fakeForgeAccess,
  OWNER,
  PLAIN_HTTP,
} from '../../../../support/tunnel-rig.ts'

let rig: TunnelRig
let forge: ReturnType<typeof fakeForgeAccess>
const sockets: (Socket | Duplex)[] = []

beforeEach(() => {
  forge = fakeForgeAccess({ number: 7, url: 'http://forge.test/pull/7', action: 'opened' })
  rig = createTunnelRig({ access: { forge: forge.access } })
})

afterEach(async () => {
  await rig.close()
  for (const socket of sockets.splice(0)) socket.destroy()
})

const PULL_REQUEST = { ':method': 'POST', ':authority': 'forge.berth', ':path': '/pull-request', [RUN_HEADER]: 'run_1' }
const BODY = JSON.stringify({ title: 'Fix it', body: 'Because.' })

async function refusalOf(kind: TunnelKind, headers: http2.OutgoingHttpHeaders) {
  const answer = await ask(await rig.connect(kind), headers)
  return [answer.status, answer.headers['x-berth-refusal']]
}

test('the agent’s own pull request is opened through forge.berth', async () => {
  const session = await rig.connect('control')
  const answer = await ask(session, PULL_REQUEST, BODY)
  expect(answer.status).toBe(200)
  expect(JSON.parse(answer.body)).toEqual({ number: 7, url: 'http://forge.test/pull/7', action: 'opened' })
  expect(forge.asked).toEqual([
    { agentId: OWNER.agentId, runId: 'run_1', request: { title: 'Fix it', body: 'Because.' } },
  ])
})

test.each([
  ['no JSON', 'nonsense', 400],
  ['no title', JSON.stringify({ title: ' ', body: '' }), 422],
  ['an unknown field', JSON.stringify({ title: 'a', body: '', base: 'main' }), 422],
])('a pull request with %s is refused with words', async (_what, body, status) => {
  const answer = await ask(await rig.connect('control'), PULL_REQUEST, body)
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.body).error.code).toBe('validation_failed')
  expect(forge.asked).toEqual([])
})

test.each([
  ['model.berth', {}],
  ['git.berth', {}],
  ['forge.berth', {}],
  ['MODEL.berth.', {}],
  ['model.berth:80', PLAIN_HTTP],
  ['other.berth', PLAIN_HTTP],
])('%s is not served on the egress connection', async (authority, more) => {
  expect(await refusalOf('egress', { ':authority': authority, ':path': '/', ...more })).toEqual([421, 'misdirected'])
})

test.each([
  ['example.test', PLAIN_HTTP],
  ['example.test:443', { ':method': 'CONNECT' }],
  ['model.berth', { ':method': 'CONNECT' }],
  ['toString', {}],
  ['evil.model.berth', {}],
])('%s is not served on the control connection', async (authority, more) => {
  const path = ':method' in more ? {} : { ':path': '/' }
  expect(await refusalOf('control', { ':authority': authority, ...path, ...more })).toEqual([421, 'misdirected'])
})

test('a client that had begun to speak before the tunnel was attached is heard from its first byte', async () => {
  const [inside, outside] = await createSocketPair()
  sockets.push(inside, outside)
  const session = http2.connect('http://control-plane', { createConnection: () => inside })
  session.on('error', () => {})
  const pending = ask(session, PULL_REQUEST, BODY)
  const [head] = (await once(outside, 'data')) as [Buffer]
  outside.pause()
  outside.removeAllListeners('data')
  outside.unshift(head)
  rig.server.attach({ socket: outside, kind: 'control', owner: OWNER })
  expect((await pending).status).toBe(200)
  session.destroy()
})

test('a connection that is no socket carries a tunnel too', async () => {
  const [inside, outside] = await createSocketPair()
  const relay = Duplex.from({ readable: outside, writable: outside })
  sockets.push(inside, outside, relay)
  rig.server.attach({ socket: relay, kind: 'control', owner: OWNER })
  const session = http2.connect('http://control-plane', { createConnection: () => inside })
  session.on('error', () => {})
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(200)
  session.destroy()
})

test('2,000 requests whose answers nobody reads do not end the session', async () => {
  const session = await rig.connect('control')
  const streams = Array.from({ length: 2_000 }, () => {
    const stream = session.request(PULL_REQUEST)
    stream.on('error', () => {})
    stream.end(BODY)
    return stream
  })
  await Promise.all(streams.map((stream) => once(stream, 'response')))
  expect(session.remoteSettings.maxConcurrentStreams).toBe(2 * MAX_STREAMS.control)
  for (const stream of streams) stream.close()
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(200)
})

test('a defect in one stream ends neither the session nor the process', async () => {
  forge.access.openPullRequest = () => {
    throw new TypeError('a defect')
  }
  const session = await rig.connect('control')
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(500)
  expect((await ask(session, { ...PULL_REQUEST, ':path': '/' }, BODY)).status).toBe(404)
  expect(rig.logLines.join('\n')).toContain('a defect')
})

test('streams that are reset at any moment leave the session usable', async () => {
  const session = await rig.connect('control')
  const closed: Promise<unknown>[] = []
  for (let index = 0; index < 60; index += 1) {
    const stream = session.request(PULL_REQUEST)
    stream.on('error', () => {})
    closed.push(once(stream, 'close'))
    if (index % 3 === 0) stream.write('{"title"')
    if (index % 3 === 1) stream.end(BODY)
    setImmediate(() => stream.close(http2.constants.NGHTTP2_CANCEL))
  }
  await Promise.all(closed)
  // Once this is answered, the other end has seen every reset.
  await new Promise((resolve) => session.ping(resolve))
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(200)
})

test('headers larger than the limit end their stream only', async () => {
  const session = await rig.connect('control')
  const stream = session.request({ ...PULL_REQUEST, 'x-large': 'x'.repeat(60_000), 'x-more': 'y'.repeat(30_000) })
  await expect(once(stream, 'response')).rejects.toThrow()
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(200)
})

test('a stream on which nothing happens is closed after the idle time', async () => {
  await rig.close()
  rig = createTunnelRig({ access: { forge: forge.access }, timeouts: { idleMs: 50 } })
  const session = await rig.connect('control')
  const stream = session.request(PULL_REQUEST)
  await once(stream, 'error')
  expect((await ask(session, PULL_REQUEST, BODY)).status).toBe(200)
})

test('a connection that no longer answers is closed, and says so', async () => {
  await rig.close()
  rig = createTunnelRig({ timeouts: { keepaliveMs: 40 } })
  const [inside, outside] = await createSocketPair()
  sockets.push(inside, outside)
  inside.pause()
  const tunnel = rig.server.attach({ socket: outside, kind: 'egress', owner: OWNER })
  await tunnel.closed
  expect(outside.destroyed).toBe(true)
})

test.each([
  ['the bridge goes away', (_tunnel: { close(): void }, session: ClientHttp2Session) => session.destroy()],
  ['it is closed', (tunnel: { close(): void }) => tunnel.close()],
])('an attached tunnel settles `closed` when %s', async (_what, end) => {
  const [inside, outside] = await createSocketPair()
  sockets.push(inside, outside)
  const tunnel = rig.server.attach({ socket: outside, kind: 'control', owner: OWNER })
  const session = http2.connect('http://control-plane', { createConnection: () => inside })
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  end(tunnel, session)
  await tunnel.closed
  session.destroy()
})

test('bytes that are no HTTP/2 close their tunnel only', async () => {
  const [inside, outside] = await createSocketPair()
  sockets.push(inside, outside)
  const tunnel = rig.server.attach({ socket: outside, kind: 'control', owner: OWNER })
  inside.on('error', () => {})
  inside.write('GET / HTTP/1.1\r\n\r\n'.repeat(100))
  await tunnel.closed
  expect((await ask(await rig.connect('control'), PULL_REQUEST, BODY)).status).toBe(200)
})

test('one sandbox’s full egress connection leaves its control connection fast', async () => {
  await rig.close()
  const egress = fakeEgressAccess({ mode: 'open', allow: [], internalHosts: [] })
  const policy = Promise.withResolvers<typeof egress.policy>()
  egress.access.policy = () => policy.promise
  rig = createTunnelRig({ access: { forge: forge.access, egress: egress.access } })
  const flooded = await rig.connect('egress')
  const streams: ClientHttp2Stream[] = []
  for (let index = 0; index < 1_000; index += 1) {
    const stream = flooded.request({ ':method': 'CONNECT', ':authority': 'a.test:443' }, { endStream: false })
    stream.on('error', () => {})
    streams.push(stream)
  }
  expect((await ask(await rig.connect('control'), PULL_REQUEST, BODY)).status).toBe(200)
  for (const stream of streams) stream.destroy()
  flooded.destroy()
  policy.resolve(egress.policy)
})
