import { once } from 'node:events'
import http from 'node:http'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endedWell } from '../../../../../container/bridge/tunnel/relay.ts'
import type { EgressPolicy } from '../../../../../lib/domain/egress-policy.ts'
import type { TunnelRig, TunnelRigOptions } from '../../../../support/tunnel-rig.ts'
import { ask, createTunnelRig, fakeEgressAccess, PLAIN_HTTP, readText } from '../../../../support/tunnel-rig.ts'

let rig: TunnelRig
let session: ClientHttp2Session
let egress: ReturnType<typeof fakeEgressAccess>
let names: Record<string, string[]>
let resolved: string[]
/** A server that remembers what it was sent. */
let target: net.Server
let port: number
let heard: Buffer[]
let serveConnection: (socket: Socket) => void
const sockets = new Set<Socket>()

beforeEach(async () => {
  names = {}
  resolved = []
  heard = []
  serveConnection = () => {}
  target = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('data', (chunk) => heard.push(chunk))
    socket.on('error', () => {})
    serveConnection(socket)
  })
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  port = (target.address() as AddressInfo).port
})

afterEach(async () => {
  await rig.close()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await new Promise((resolve) => target.close(resolve))
})

async function open(policy: Partial<EgressPolicy>, options: TunnelRigOptions = {}): Promise<void> {
  egress = fakeEgressAccess({ mode: 'allowlist', allow: [], internalHosts: [], ...policy })
  const network = {
    resolve: async (host: string) => {
      resolved.push(host)
      const addresses = names[host]
      if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
      return addresses
    },
    ownAddresses: () => ['198.51.100.9'],
  }
  rig = createTunnelRig({ access: { egress: egress.access }, network, ...options })
  session = await rig.connect('egress')
}

/** Opens the policy to the local server under the name `mirror.test`. */
function openMirror(options: TunnelRigOptions = {}): Promise<void> {
  names['mirror.test'] = ['127.0.0.1']
  return open({ internalHosts: [`mirror.test:${port}`] }, options)
}

async function connect(authority: string): Promise<{ status: number; stream: ClientHttp2Stream; rule: unknown }> {
  const stream = session.request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false })
  stream.on('error', () => {})
  const [headers] = await once(stream, 'response')
  return { status: headers[':status'], stream, rule: headers['x-berth-refusal'] }
}

test('a refusal names rule, host and cure in headers, body and event', async () => {
  await open({ allow: ['other.test'] })
  const stream = session.request({ ':method': 'CONNECT', ':authority': 'Example.TEST:443' })
  const [headers] = await once(stream, 'response')
  const words =
    'example.test:443 is not on the allow-list of this agent. To allow it: add "example.test" to the agent\'s egress.allow, or to BERTH_EGRESS_ALLOW for all agents.'
  expect(headers).toMatchObject({ ':status': 403, 'x-berth-refusal': 'not_on_allowlist', 'x-berth-reason': words })
  expect(await readText(stream)).toBe(`${words}\n`)
  expect(egress.denials).toEqual([
    {
      host: 'example.test',
      port: 443,
      rule: 'not_on_allowlist',
      reason: 'example.test:443 is not on the allow-list of this agent',
      cure: 'add "example.test" to the agent\'s egress.allow, or to BERTH_EGRESS_ALLOW for all agents',
    },
  ])
  expect(resolved).toEqual([])
})

test('the same refusal again within a minute is no second event', async () => {
  await open({})
  for (let times = 0; times < 3; times += 1) expect((await connect('a.test:443')).status).toBe(403)
  expect((await connect('b.test:443')).status).toBe(403)
  expect(egress.denials.map(({ host }) => host)).toEqual(['a.test', 'b.test'])
})

test.each([
  ['none', 'mode_none'],
  ['open', 'address_loopback'],
] as const)('in mode %s a loopback address is refused by %s', async (mode, rule) => {
  names['inside.test'] = ['127.0.0.1']
  await open({ mode, allow: ['inside.test'] })
  expect(await connect('inside.test:443')).toMatchObject({ status: 403, rule })
})

test.each([
  ['10.1.2.3', 'address_private'],
  ['169.254.169.254', 'address_metadata'],
  ['::ffff:192.168.1.1', 'address_private'],
  ['fe80::1', 'address_link_local'],
  ['0.0.0.0', 'address_unspecified'],
  ['198.51.100.9', 'address_own'],
])('a name that resolves to %s is refused by %s, also beside a public address', async (address, rule) => {
  names['evil.test'] = ['203.0.113.1', address]
  await open({ mode: 'open' })
  expect(await connect('evil.test:443')).toMatchObject({ status: 403, rule })
  expect(egress.denials).toMatchObject([{ host: 'evil.test', rule }])
})

test.each([
  ['127.0.0.1:443', 'address_loopback'],
  ['[::1]:443', 'address_loopback'],
  ['[::ffff:7f00:1]:443', 'address_loopback'],
  ['2130706433:443', 'invalid_host'],
  ['0177.0.0.1:443', 'invalid_host'],
  ['127.1:443', 'invalid_host'],
])('the address %s is refused by %s', async (authority, rule) => {
  await open({ mode: 'open' })
  expect(await connect(authority)).toMatchObject({ status: 403, rule })
  expect(resolved).toEqual([])
})

test('a name that answers differently the second time is resolved once, and what was checked is dialled', async () => {
  await openMirror()
  let asked = 0
  const resolve = async () => {
    asked += 1
    return asked === 1 ? ['127.0.0.1'] : ['127.0.0.2']
  }
  await rig.close()
  await openMirror({ network: { resolve, ownAddresses: () => [] } })
  const { status, stream } = await connect(`mirror.test:${port}`)
  expect(status).toBe(200)
  expect(asked).toBe(1)
  stream.close()
})

test.each([
  [443, 'inside.test'],
  [8443, 'inside.test:8443'],
])('the cure of an address refused on port %i covers that port: %s', async (port_, entry) => {
  names['inside.test'] = ['10.0.0.1']
  await open({ mode: 'open', allow: ['inside.test:8443'] })
  await connect(`inside.test:${port_}`)
  expect(egress.denials[0]?.cure).toBe(`if sandboxes may reach it, add "${entry}" to BERTH_EGRESS_INTERNAL_HOSTS`)
})

test('a host that is not there, and a port that nobody serves, are 502 and no event', async () => {
  names['gone.test'] = ['127.0.0.1']
  await open({ allow: ['missing.test'], internalHosts: ['gone.test:1'] })
  expect(await connect('missing.test:443')).toMatchObject({ status: 502, rule: 'host_not_found' })
  expect(await connect('gone.test:1')).toMatchObject({ status: 502, rule: 'connect_failed' })
  expect(egress.denials).toEqual([])
})

test('bytes pass both ways, and an end on one side leaves the other open', async () => {
  serveConnection = (socket) => socket.once('end', () => socket.end(`got ${Buffer.concat(heard)}`))
  await openMirror()
  const { stream } = await connect(`mirror.test:${port}`)
  stream.end('hello')
  expect(await readText(stream)).toBe('got hello')
})

test('many megabytes arrive whole although the server closes at once behind them', async () => {
  const sent = Buffer.alloc(20 * 1024 * 1024, 'z')
  serveConnection = (socket) => socket.end(sent)
  await openMirror()
  const { stream } = await connect(`mirror.test:${port}`)
  expect((await readText(stream)).length).toBe(sent.length)
})

test('a TLS client that names the host passes from its first byte on', async () => {
  await openMirror()
  const { stream } = await connect(`mirror.test:${port}`)
  const client = tls.connect({ socket: stream, servername: 'mirror.test' })
  client.on('error', () => {})
  const [connection] = sockets.size > 0 ? [...sockets] : ((await once(target, 'connection')) as [Socket])
  if (heard.length === 0 && connection !== undefined) await once(connection, 'data')
  expect(Buffer.concat(heard)[0]).toBe(0x16)
  expect(Buffer.concat(heard).includes('mirror.test')).toBe(true)
  client.destroy()
})

test.each([
  ['another host', { servername: 'evil.test' }, 'sni_mismatch'],
  ['no host', {}, 'sni_missing'],
])('a TLS client that names %s is stopped before a byte is forwarded', async (_what, options, rule) => {
  await openMirror()
  const { stream } = await connect(`mirror.test:${port}`)
  const client = tls.connect({ socket: stream, ...options })
  const [error] = await once(client, 'error')
  expect(String(error)).toMatch(/unrecognized name|unrecognized_name/i)
  expect(heard).toEqual([])
  await rig.close()
  expect(egress.denials).toMatchObject([{ host: 'mirror.test', port, rule }])
})

test('plain http is passed on with the judged host, without hop-by-hop and Berth’s own headers', async () => {
  const server = http.createServer(async (request, response) => {
    const body = await readText(request)
    response.writeHead(201, { 'x-berth-refusal': 'fake', connection: 'close', 'x-answer': 'yes' })
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body }))
  })
  serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await openMirror()
  const answer = await ask(
    session,
    {
      ':method': 'POST',
      ':authority': `mirror.test:${port}`,
      ':path': '/a?b=c',
      ...PLAIN_HTTP,
      host: 'evil.test',
      'proxy-authorization': 'Basic abc',
      'x-kept': 'k',
    },
    'payload',
  )

  const seen = JSON.parse(answer.body)
  expect(answer.status).toBe(201)
  expect(answer.headers['x-answer']).toBe('yes')
  expect(answer.headers['x-berth-refusal']).toBeUndefined()
  expect(seen.url).toBe('/a?b=c')
  expect(seen.body).toBe('payload')
  expect(seen.headers.host).toBe(`mirror.test:${port}`)
  expect(seen.headers['x-kept']).toBe('k')
  expect(seen.headers['x-berth-egress']).toBeUndefined()
  expect(seen.headers['proxy-authorization']).toBeUndefined()
})

test('HEAD, 204 and 304 answer without a body', async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { 'content-length': 0 })
    response.end()
  })
  serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await openMirror()
  const common = { ':authority': `mirror.test:${port}`, ...PLAIN_HTTP }
  expect(await ask(session, { ...common, ':method': 'HEAD', ':path': '/200' })).toMatchObject({ status: 200, body: '' })
  expect(await ask(session, { ...common, ':path': '/204' })).toMatchObject({ status: 204, body: '' })
  expect(await ask(session, { ...common, ':path': '/304' })).toMatchObject({ status: 304, body: '' })
})

test('plain http without the proxy’s mark, or for https, is no egress', async () => {
  await openMirror()
  const common = { ':authority': `mirror.test:${port}`, ':path': '/' }
  expect((await ask(session, { ...common, ':scheme': 'http' })).status).toBe(400)
  expect((await ask(session, { ...common, ...PLAIN_HTTP, ':scheme': 'https' })).status).toBe(400)
})

test.each(['connect', 'CONNECT ', 'get', 'G\u00e9T', ''])('the method %j is none of plain http', async (method) => {
  await openMirror()
  const headers = { ':authority': `mirror.test:${port}`, ':path': '/', ...PLAIN_HTTP, ':method': method }
  const stream = session.request(headers, { endStream: true })
  const outcome = await once(stream, 'response').then(
    ([answer]) => answer[':status'],
    () => 'reset',
  )
  expect([400, 'reset']).toContain(outcome)
  expect(heard).toEqual([])
})

test('a body that is longer than it says never becomes a second request', async () => {
  const requests: string[] = []
  const server = http.createServer(async (request, response) => {
    requests.push(`${request.url} ${request.headers.host} ${await readText(request)}`)
    response.end('ok')
  })
  serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await openMirror()
  const stream = session.request(
    { ':method': 'POST', ':authority': `mirror.test:${port}`, ':path': '/', ...PLAIN_HTTP, 'content-length': '4' },
    { endStream: false },
  )
  const over = new Promise((resolve) => stream.once('close', resolve))
  stream.on('error', () => {})
  stream.resume()
  stream.end('fourGET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n')
  await over
  await rig.close()
  expect(requests.filter((request) => /smuggled|evil/.test(request))).toEqual([])
})

test('a connection on which nothing happens is closed', async () => {
  await openMirror({ timeouts: { idleMs: 50 } })
  const { stream } = await connect(`mirror.test:${port}`)
  await expect(readText(stream)).rejects.toThrow()
  const [socket] = sockets
  if (socket !== undefined && !socket.destroyed && !socket.readableEnded) await once(socket, 'end')
  expect(egress.denials).toEqual([])
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
  ['the tunnel is closed', () => rig.server.close()],
])('an answer is cut, and does not look whole, when %s', async (_what, cut) => {
  const accepted = Promise.withResolvers<Socket>()
  serveConnection = (socket) => socket.write('half', () => accepted.resolve(socket))
  await openMirror()
  const { stream } = await connect(`mirror.test:${port}`)
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
  serveConnection = (socket) => socket.once('data', () => begun.resolve(socket))
  await openMirror()
  const stream = session.request({ ':authority': `mirror.test:${port}`, ...headers }, { endStream: false })
  stream.on('error', () => {})
  stream.write('half of it')
  const socket = await begun.promise
  const ending = Promise.race([once(socket, 'end').then(() => 'ended'), once(socket, 'close').then(() => 'closed')])
  stream.destroy(new Error('broken off'))
  expect(await ending.catch(() => 'reset')).toBe(fate)
  expect(Buffer.concat(heard).toString()).not.toContain('0\r\n\r\n')
})
