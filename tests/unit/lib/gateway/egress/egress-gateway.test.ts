import { once } from 'node:events'
import type { ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { endedWell } from '../../../../../container/bridge/tunnel/relay.ts'
import type { EgressPolicy } from '../../../../../lib/domain/egress-policy.ts'
import { prepareEgressRig } from '../../../../support/egress-rig.ts'
import { PLAIN_HTTP, readText } from '../../../../support/tunnel-rig.ts'

const at = prepareEgressRig()

test('a refusal names rule, host and cure in headers, body and event', async () => {
  await at.open({ allow: ['other.test'] })
  const stream = at.session.request({ ':method': 'CONNECT', ':authority': 'Example.TEST:443' })
  const [headers] = await once(stream, 'response')
  const words =
    'example.test:443 is not on the allow-list of this agent. To allow it: add "example.test" to the agent\'s egress.allow, or to BERTH_EGRESS_ALLOW for all agents.'
  expect(headers).toMatchObject({ ':status': 403, 'x-berth-refusal': 'not_on_allowlist', 'x-berth-reason': words })
  expect(await readText(stream)).toBe(`${words}\n`)
  expect(at.egress.denials).toEqual([
    {
      host: 'example.test',
      port: 443,
      rule: 'not_on_allowlist',
      reason: 'example.test:443 is not on the allow-list of this agent',
      cure: 'add "example.test" to the agent\'s egress.allow, or to BERTH_EGRESS_ALLOW for all agents',
    },
  ])
  expect(at.resolved).toEqual([])
})

test('the same refusal again within a minute is no second event', async () => {
  await at.open({})
  for (let times = 0; times < 3; times += 1) expect((await at.connect('a.test:443')).status).toBe(403)
  expect((await at.connect('b.test:443')).status).toBe(403)
  expect(at.egress.denials.map(({ host }) => host)).toEqual(['a.test', 'b.test'])
})

test.each([
  ['none', 'mode_none'],
  ['open', 'address_loopback'],
] as const)('in mode %s a loopback address is refused by %s', async (mode, rule) => {
  at.names['inside.test'] = ['127.0.0.1']
  await at.open({ mode, allow: ['inside.test'] })
  expect(await at.connect('inside.test:443')).toMatchObject({ status: 403, rule })
})

test.each([
  ['10.1.2.3', 'address_private'],
  ['169.254.169.254', 'address_metadata'],
  ['::ffff:192.168.1.1', 'address_private'],
  ['fe80::1', 'address_link_local'],
  ['0.0.0.0', 'address_unspecified'],
  ['198.51.100.9', 'address_own'],
])('a name that resolves to %s is refused by %s, also beside a public address', async (address, rule) => {
  at.names['evil.test'] = ['203.0.113.1', address]
  await at.open({ mode: 'open' })
  expect(await at.connect('evil.test:443')).toMatchObject({ status: 403, rule })
  expect(at.egress.denials).toMatchObject([{ host: 'evil.test', rule }])
})

test.each([
  ['127.0.0.1:443', 'address_loopback'],
  ['[::1]:443', 'address_loopback'],
  ['[::ffff:7f00:1]:443', 'address_loopback'],
  ['2130706433:443', 'invalid_host'],
  ['0177.0.0.1:443', 'invalid_host'],
  ['127.1:443', 'invalid_host'],
])('the address %s is refused by %s', async (authority, rule) => {
  await at.open({ mode: 'open' })
  expect(await at.connect(authority)).toMatchObject({ status: 403, rule })
  expect(at.resolved).toEqual([])
})

test('a name that answers differently the second time is at.resolved once, and what was checked is dialled', async () => {
  await at.openMirror()
  let asked = 0
  const resolve = async () => {
    asked += 1
    return asked === 1 ? ['127.0.0.1'] : ['127.0.0.2']
  }
  await at.rig.close()
  await at.openMirror({ network: { resolve, ownAddresses: () => [] } })
  const { status, stream } = await at.connect(`mirror.test:${at.port}`)
  expect(status).toBe(200)
  expect(asked).toBe(1)
  stream.close()
})

test.each([
  [443, 'inside.test'],
  [8443, 'inside.test:8443'],
])('the cure of an address refused on port %i covers that port: %s', async (port_, entry) => {
  at.names['inside.test'] = ['10.0.0.1']
  await at.open({ mode: 'open', allow: ['inside.test:8443'] })
  await at.connect(`inside.test:${port_}`)
  expect(at.egress.denials[0]?.cure).toBe(`if sandboxes may reach it, add "${entry}" to BERTH_EGRESS_INTERNAL_HOSTS`)
})

test('a host that is not there, and a port that nobody serves, are 502 and no event', async () => {
  at.names['gone.test'] = ['127.0.0.1']
  await at.open({ allow: ['missing.test'], internalHosts: ['gone.test:1'] })
  expect(await at.connect('missing.test:443')).toMatchObject({ status: 502, rule: 'host_not_found' })
  expect(await at.connect('gone.test:1')).toMatchObject({ status: 502, rule: 'connect_failed' })
  expect(at.egress.denials).toEqual([])
})

test('bytes pass both ways, and an end on one side leaves the other open', async () => {
  at.serveConnection = (socket) => socket.once('end', () => socket.end(`got ${Buffer.concat(at.heard)}`))
  await at.openMirror()
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  stream.end('hello')
  expect(await readText(stream)).toBe('got hello')
})

test('many megabytes arrive whole although the server closes at once behind them', async () => {
  const sent = Buffer.alloc(20 * 1024 * 1024, 'z')
  at.serveConnection = (socket) => socket.end(sent)
  await at.openMirror()
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  expect((await readText(stream)).length).toBe(sent.length)
})

test('a TLS client that names the host passes from its first byte on', async () => {
  await at.openMirror()
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  const client = tls.connect({ socket: stream, servername: 'mirror.test' })
  client.on('error', () => {})
  await expect.poll(() => at.heard.length).toBeGreaterThan(0)
  expect(Buffer.concat(at.heard)[0]).toBe(0x16)
  expect(Buffer.concat(at.heard).includes('mirror.test')).toBe(true)
  client.destroy()
})

test.each([
  ['another host', { servername: 'evil.test' }, 'sni_mismatch'],
  ['no host', {}, 'sni_missing'],
])('a TLS client that names %s is stopped before a byte is forwarded', async (_what, options, rule) => {
  await at.openMirror()
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  const client = tls.connect({ socket: stream, ...options })
  const [error] = await once(client, 'error')
  expect(String(error)).toMatch(/unrecognized name|unrecognized_name/i)
  expect(at.heard).toEqual([])
  await at.rig.close()
  expect(at.egress.denials).toMatchObject([{ host: 'mirror.test', port: at.port, rule }])
})

test('what many requests of one agent ask for at once is read once, and anew for the next', async () => {
  await at.open({ allow: [] })
  const { promise, resolve } = Promise.withResolvers<EgressPolicy>()
  let reads = 0
  at.egress.access.policy = () => {
    reads += 1
    return promise
  }
  const answers = Array.from({ length: 20 }, (_, index) => at.connect(`a${index}.test:443`))
  await new Promise((done) => at.session.ping(done))
  resolve(at.egress.policy)
  expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([403]))
  expect(reads).toBe(1)
  await at.connect('later.test:443')
  expect(reads).toBe(2)
})

test('a connection on which nothing happens is closed', async () => {
  await at.openMirror({ timeouts: { idleMs: 50 } })
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  await expect(readText(stream)).rejects.toThrow()
  const [socket] = at.sockets
  if (socket !== undefined && !socket.destroyed && !socket.readableEnded) await once(socket, 'end')
  expect(at.egress.denials).toEqual([])
})

/** What a client can tell of an answer that is over: whole, or cut. */
async function readFate(stream: ClientHttp2Stream): Promise<'whole' | 'cut'> {
  let failed = false
  stream.on('error', () => {
    failed = true
  })
  stream.resume()
  await new Promise((resolve) => stream.once('close', resolve))
  return failed || !endedWell(stream) ? 'cut' : 'whole'
}

test.each([
  ['the host resets the connection', (socket: Socket) => socket.resetAndDestroy()],
  ['the tunnel is closed', () => at.rig.server.close()],
])('an answer is cut, and does not look whole, when %s', async (_what, cut) => {
  const accepted = Promise.withResolvers<Socket>()
  at.serveConnection = (socket) => socket.write('half', () => accepted.resolve(socket))
  await at.openMirror()
  const { stream } = await at.connect(`mirror.test:${at.port}`)
  await once(stream, 'data')
  const fate = readFate(stream)
  void cut(await accepted.promise)
  expect(await fate).toBe('cut')
})

test.each([
  ['a tunnel', { ':method': 'CONNECT' }, 'reset'],
  ['a plain-http body', { ':method': 'POST', ':path': '/', ...PLAIN_HTTP }, 'ended'],
])('what a sandbox sends through %s and breaks off does not look whole to the host', async (_what, headers, fate) => {
  const begun = Promise.withResolvers<Socket>()
  at.serveConnection = (socket) => socket.once('data', () => begun.resolve(socket))
  await at.openMirror()
  const stream = at.session.request({ ':authority': `mirror.test:${at.port}`, ...headers }, { endStream: false })
  stream.on('error', () => {})
  stream.write('half of it')
  const socket = await begun.promise
  const ending = Promise.race([once(socket, 'end').then(() => 'ended'), once(socket, 'close').then(() => 'closed')])
  stream.destroy(new Error('broken off'))
  expect(await ending.catch(() => 'reset')).toBe(fate)
  expect(Buffer.concat(at.heard).toString()).not.toContain('0\r\n\r\n')
})
