import { once } from 'node:events'
import http from 'node:http'
import { expect, test } from 'vitest'
import { prepareEgressRig } from '../../../../support/egress-rig.ts'
import { ask, PLAIN_HTTP, readText } from '../../../../support/tunnel-rig.ts'

const at = prepareEgressRig()

test('plain http is passed on with the judged host, without hop-by-hop and Berth’s own headers', async () => {
  const server = http.createServer(async (request, response) => {
    const body = await readText(request)
    response.writeHead(201, { 'x-berth-refusal': 'fake', connection: 'close', 'x-answer': 'yes' })
    response.end(JSON.stringify({ url: request.url, headers: request.headers, body }))
  })
  at.serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await at.openMirror()
  const answer = await ask(
    at.session,
    {
      ':method': 'POST',
      ':authority': `mirror.test:${at.port}`,
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
  expect(seen.headers.host).toBe(`mirror.test:${at.port}`)
  expect(seen.headers['x-kept']).toBe('k')
  expect(seen.headers['x-berth-egress']).toBeUndefined()
  expect(seen.headers['proxy-authorization']).toBeUndefined()
})

test('HEAD, 204 and 304 answer without a body', async () => {
  const server = http.createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { 'content-length': 0 })
    response.end()
  })
  at.serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await at.openMirror()
  const common = { ':authority': `mirror.test:${at.port}`, ...PLAIN_HTTP }
  expect(await ask(at.session, { ...common, ':method': 'HEAD', ':path': '/200' })).toMatchObject({
    status: 200,
    body: '',
  })
  expect(await ask(at.session, { ...common, ':path': '/204' })).toMatchObject({ status: 204, body: '' })
  expect(await ask(at.session, { ...common, ':path': '/304' })).toMatchObject({ status: 304, body: '' })
})

test('plain http without the proxy’s mark, or for https, is no egress', async () => {
  await at.openMirror()
  const common = { ':authority': `mirror.test:${at.port}`, ':path': '/' }
  expect((await ask(at.session, { ...common, ':scheme': 'http' })).status).toBe(400)
  expect((await ask(at.session, { ...common, ...PLAIN_HTTP, ':scheme': 'https' })).status).toBe(400)
})

test.each(['connect', 'CONNECT ', 'get', 'G\u00e9T', ''])('the method %j is none of plain http', async (method) => {
  await at.openMirror()
  const headers = { ':authority': `mirror.test:${at.port}`, ':path': '/', ...PLAIN_HTTP, ':method': method }
  const stream = at.session.request(headers, { endStream: true })
  const outcome = await once(stream, 'response').then(
    ([answer]) => answer[':status'],
    () => 'reset',
  )
  expect([400, 'reset']).toContain(outcome)
  expect(at.heard).toEqual([])
})

test.each(['@evil.test/', '*', '*.evil.test/', 'http://evil.test/', ':81/', '//\u00e9', ''])(
  'the path %j is refused',
  async (path) => {
    await at.openMirror()
    const headers = { ':authority': `mirror.test:${at.port}`, ...PLAIN_HTTP, ':path': path }
    const stream = at.session.request(headers, { endStream: true })
    const outcome = await once(stream, 'response').then(
      ([answer]) => answer[':status'],
      () => 'reset',
    )
    expect([400, 'reset']).toContain(outcome)
    expect(at.heard).toEqual([])
  },
)

test('a body that is longer than it says never becomes a second request', async () => {
  const requests: string[] = []
  const server = http.createServer(async (request, response) => {
    requests.push(`${request.url} ${request.headers.host} ${await readText(request)}`)
    response.end('ok')
  })
  at.serveConnection = (socket) => {
    socket.removeAllListeners('data')
    server.emit('connection', socket)
  }
  await at.openMirror()
  const stream = at.session.request(
    { ':method': 'POST', ':authority': `mirror.test:${at.port}`, ':path': '/', ...PLAIN_HTTP, 'content-length': '4' },
    { endStream: false },
  )
  const over = new Promise((resolve) => stream.once('close', resolve))
  stream.on('error', () => {})
  stream.resume()
  stream.end('fourGET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n')
  await over
  await at.rig.close()
  expect(requests.filter((request) => /smuggled|evil/.test(request))).toEqual([])
})
