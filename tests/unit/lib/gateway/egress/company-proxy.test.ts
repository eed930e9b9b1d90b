/** Egress behind a company's proxy: what goes through it, what goes past it, what it may never be asked for. */
import { once } from 'node:events'
import http from 'node:http'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CompanyProxy } from '../../../../../lib/domain/company-proxy.ts'
import type { EgressPolicy } from '../../../../../lib/domain/egress-policy.ts'
import type { TunnelRig } from '../../../../support/tunnel-rig.ts'
import { ask, createTunnelRig, fakeEgressAccess, PLAIN_HTTP, readText } from '../../../../support/tunnel-rig.ts'

const CREDENTIALS = `Basic ${Buffer.from('ada:hunter2').toString('base64')}`

let proxyServer: http.Server
let proxyUrl: string
/** What the proxy was asked for. */
let asked: string[]
let proxyStatus: number
/** What was said in the tunnels that it opened. */
let heard: string
let direct: http.Server
let directPort: number
let names: Record<string, string[]>
let resolved: string[]
let egress: ReturnType<typeof fakeEgressAccess>
let rig: TunnelRig
let session: ClientHttp2Session
const sockets = new Set<Socket>()

beforeEach(async () => {
  asked = []
  names = {}
  resolved = []
  proxyStatus = 200
  heard = ''
  proxyServer = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`)
    response.writeHead(proxyStatus, { 'proxy-authenticate': 'Basic' })
    response.end('from the proxy')
  })
  proxyServer.on('connect', (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`)
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      heard += chunk
    })
    socket.write(`HTTP/1.1 ${proxyStatus} Words\r\n\r\n`)
    if (proxyStatus === 200) socket.pipe(socket)
    else socket.end()
  })
  direct = http.createServer((_request, response) => response.end('from the host itself'))
  for (const server of [proxyServer, direct]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
  proxyUrl = `http://ada:hunter2@127.0.0.1:${(proxyServer.address() as AddressInfo).port}`
  directPort = (direct.address() as AddressInfo).port
})

afterEach(async () => {
  await rig.close()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  for (const server of [proxyServer, direct]) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function open(policy: Partial<EgressPolicy>, proxy: Partial<CompanyProxy> = {}): Promise<void> {
  egress = fakeEgressAccess({ mode: 'allowlist', allow: [], internalHosts: [], ...policy })
  rig = createTunnelRig({
    access: { egress: egress.access },
    proxy: { https: proxyUrl, http: null, noProxy: [], ...proxy },
    network: {
      resolve: async (host) => {
        resolved.push(host)
        const addresses = names[host]
        if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
        return addresses
      },
      ownAddresses: () => [],
    },
  })
  session = await rig.connect('egress')
}

async function connect(authority: string): Promise<{ status: number; stream: ClientHttp2Stream; rule: unknown }> {
  const stream = session.request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false })
  stream.on('error', () => {})
  const [headers] = await once(stream, 'response')
  return { status: headers[':status'], stream, rule: headers['x-berth-refusal'] }
}

const askPlainly = (authority: string) => ask(session, { ':authority': authority, ':path': '/x', ...PLAIN_HTTP })

test('a listed host goes out by name, with the proxy’s credentials, and is not looked up here', async () => {
  await open({ allow: ['far.test', 'far.test:9000'] })
  const far = await connect('far.test:9000')
  far.stream.end('echo')
  expect(await readText(far.stream)).toBe('echo')
  expect((await askPlainly('far.test')).body).toBe('from the proxy')
  expect(asked).toEqual([`CONNECT far.test:9000 ${CREDENTIALS}`, `GET http://far.test/x ${CREDENTIALS}`])
  expect(resolved).toEqual([])
})

test('plain http has a proxy of its own where one is set', async () => {
  await open({ allow: ['far.test'] }, { http: proxyUrl, https: 'http://127.0.0.1:1' })
  expect((await askPlainly('far.test')).body).toBe('from the proxy')
})

test('an internal host goes past it', async () => {
  names['mirror.test'] = ['127.0.0.1']
  await open({ internalHosts: [`mirror.test:${directPort}`] })
  expect((await askPlainly(`mirror.test:${directPort}`)).body).toBe('from the host itself')
  expect(asked).toEqual([])
})

test('what NO_PROXY names goes past it too, and then its address has to be allowed', async () => {
  names['near.test'] = ['203.0.113.1']
  names['inside.near.test'] = ['127.0.0.1']
  await open({ allow: [`inside.near.test:${directPort}`] }, { noProxy: ['near.test'] })
  expect(await connect(`inside.near.test:${directPort}`)).toMatchObject({ status: 403, rule: 'address_loopback' })
  expect(egress.denials[0]?.cure).toContain(`"inside.near.test:${directPort}" to BERTH_EGRESS_INTERNAL_HOSTS`)
  expect(asked).toEqual([])
})

test.each([
  ['10.0.0.1:443', 'address_private'],
  ['169.254.169.254:443', 'address_metadata'],
  ['localhost:443', 'address_loopback'],
  ['intranet.test:443', 'address_private'],
])('in mode open it is not asked for %s: %s', async (authority, rule) => {
  names.localhost = ['127.0.0.1']
  names['intranet.test'] = ['10.0.0.7']
  await open({ mode: 'open' })
  expect(await connect(authority)).toMatchObject({ status: 403, rule })
  expect(asked).toEqual([])
})

test('in mode open a name that only the proxy can find goes out by name', async () => {
  await open({ mode: 'open' })
  expect((await connect('unknown-here.test:443')).status).toBe(200)
  expect(asked).toEqual([`CONNECT unknown-here.test:443 ${CREDENTIALS}`])
})

test.each(['CONNECT', 'plain http'])('a proxy that wants other credentials is named, for %s', async (way) => {
  proxyStatus = 407
  await open({ allow: ['far.test'] })
  const answer =
    way === 'CONNECT'
      ? await ask(session, { ':method': 'CONNECT', ':authority': 'far.test:443' })
      : await askPlainly('far.test')
  expect(answer.status).toBe(502)
  expect(answer.body).toContain(
    "the company's proxy answered 407: HTTPS_PROXY and HTTP_PROXY need a user and a password",
  )
  expect(answer.headers['proxy-authenticate']).toBeUndefined()
})

test.each(['CONNECT', 'plain http'])('a proxy that is not there is not taken for the host, for %s', async (way) => {
  await open({ allow: ['far.test'] }, { https: 'http://ada:hunter2@127.0.0.1:1' })
  const answer =
    way === 'CONNECT'
      ? await ask(session, { ':method': 'CONNECT', ':authority': 'far.test:443' })
      : await askPlainly('far.test')
  expect(answer.status).toBe(502)
  expect(answer.body).toContain("the company's proxy cannot be reached (ECONNREFUSED)")
})

test.each([
  ['far.test:80', 'connect with TLS, or ask the proxy for http://far.test/ without CONNECT.'],
  ['far.test:443', 'connect with TLS.'],
])('plain text in a tunnel to %s reaches nobody, and is answered in words of HTTP', async (authority, cure) => {
  await open({ allow: ['far.test'] })
  const { status, stream } = await connect(authority)
  expect(status).toBe(200)
  const trailers = once(stream, 'trailers')
  stream.write('GET / HTTP/1.1\r\nhost: evil.test\r\n\r\n')
  const words = `what is sent to ${authority} through CONNECT is not TLS. To allow it: ${cure}`
  const [head, body] = (await readText(stream)).split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
  expect(body).toContain(words)
  expect((await trailers)[0]).toMatchObject({
    'x-berth-refusal': 'not_tls',
    'x-berth-reason': expect.stringContaining(words),
  })
  await rig.close()
  expect(heard).toBe('')
  expect(egress.denials).toMatchObject([{ host: 'far.test', rule: 'not_tls' }])
})

test('a port that was named together with its host carries anything', async () => {
  await open({ allow: ['far.test:22'] })
  const { stream } = await connect('far.test:22')
  stream.end('SSH-2.0-client')
  expect(await readText(stream)).toBe('SSH-2.0-client')
})

test('its credentials stand in no answer, no event and no line of the log, whatever goes wrong', async () => {
  proxyStatus = 403
  await open({ allow: ['far.test', 'gone.test'] }, { http: 'http://ada:hunter2@127.0.0.1:1' })
  const answers = [
    await ask(session, { ':method': 'CONNECT', ':authority': 'far.test:443' }),
    await askPlainly('gone.test'),
    await ask(session, { ':method': 'CONNECT', ':authority': '10.0.0.1:443' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([502, 502, 403])
  await rig.close()
  const everything = JSON.stringify([answers, egress.denials, rig.logLines])
  expect(everything).not.toMatch(/hunter2|aHVudGVyMg|YWRhOmh1bnRlcjI/)
})
