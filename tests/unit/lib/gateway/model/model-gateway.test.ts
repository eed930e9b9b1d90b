import { once } from 'node:events'
import http from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RUN_HEADER } from '../../../../../container/contract/tunnel.ts'
import { BerthError } from '../../../../../lib/errors.ts'
import type { TunnelRig } from '../../../../support/tunnel-rig.ts'
import { ask, createTunnelRig, fakeModelAccess, readAnswer, readText } from '../../../../support/tunnel-rig.ts'

const CHAT = {
  ':method': 'POST',
  ':authority': 'model.berth',
  ':path': '/api/v1/chat/completions',
  [RUN_HEADER]: 'run_1',
}
const BODY = { model: 'vendor/model', messages: [{ role: 'user', content: 'hello there' }], stream: true }
const USAGE = {
  prompt_tokens: 100,
  completion_tokens: 20,
  cost: 0.0123,
  prompt_tokens_details: { cached_tokens: 60 },
  completion_tokens_details: { reasoning_tokens: 5 },
}

type Serve = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void | Promise<void>

let provider: http.Server
let serve: Serve
let received: { headers: http.IncomingHttpHeaders; body: Record<string, unknown> }[]
let baseUrl: string
let rig: TunnelRig
let session: ClientHttp2Session
let model: ReturnType<typeof fakeModelAccess>

beforeEach(async () => {
  received = []
  provider = http.createServer(async (request, response) => {
    const body = await readText(request)
    received.push({ headers: request.headers, body: JSON.parse(body) })
    await serve(request, response, body)
  })
  provider.listen(0, '127.0.0.1')
  await once(provider, 'listening')
  baseUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/api/v1`
  model = fakeModelAccess({ baseUrl, maxTokens: 1_000 })
  rig = createTunnelRig({ access: { model: model.access } })
  session = await rig.connect('control')
})

afterEach(async () => {
  await rig.close()
  provider.closeAllConnections()
  await new Promise((resolve) => provider.close(resolve))
})

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function answerWith(status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): Serve {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

test('an answer is streamed as it comes, metered, and settled once before its end is seen', async () => {
  const pieces = [event({ id: 'gen-1', choices: [{ delta: { content: 'hi' } }] }), ': OPENROUTER PROCESSING\n\n']
  const last = [event({ id: 'gen-1', choices: [], usage: USAGE }), 'data: [DONE]\n\n']
  let goOn = () => {}
  serve = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'set-cookie': 'a=b', 'x-request-id': 'r1' })
    response.write(pieces.join(''))
    await new Promise<void>((resolve) => {
      goOn = resolve
    })
    response.end(last.join(''))
  }
  const stream = session.request(CHAT)
  stream.end(JSON.stringify(BODY))
  const [headers] = await once(stream, 'response')
  const [first] = await once(stream, 'data')
  expect(String(first)).toBe(pieces.join(''))
  expect(model.settled).toEqual([])
  goOn()
  expect(await readText(stream)).toBe(last.join(''))
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream', 'x-request-id': 'r1' })
  expect(headers['set-cookie']).toBeUndefined()
  expect(model.settled).toEqual([
    {
      agentId: 'agt_test',
      runId: 'run_1',
      modelId: 'vendor/model',
      modelCallId: 'mdl_1',
      usage: {
        inputTokens: 100,
        outputTokens: 20,
        cachedInputTokens: 60,
        reasoningTokens: 5,
        costUsd: 0.0123,
        generationId: 'gen-1',
        complete: true,
      },
      cut: false,
    },
  ])
  expect(model.generations).toEqual(['gen-1'])
})

test('the key goes to the provider, the sandbox’s own headers do not, and max_tokens is lowered to the grant', async () => {
  serve = answerWith(200, { id: 'gen-2', choices: [{ message: { content: 'ok' } }], usage: USAGE })
  const body = { ...BODY, stream: false, max_tokens: 5_000, user: 'me', surprise: 1 }
  const answer = await ask(session, { ...CHAT, authorization: 'Bearer mine', cookie: 'c=d' }, JSON.stringify(body))
  expect(answer.status).toBe(200)
  expect(received[0]?.headers.authorization).toBe('Bearer sk-secret-key')
  expect(received[0]?.headers.cookie).toBeUndefined()
  expect(received[0]?.body).toEqual({
    model: 'vendor/model',
    messages: BODY.messages,
    max_tokens: 1_000,
    stream: false,
    usage: { include: true },
  })
  expect(model.begun[0]).toMatchObject({
    agentId: 'agt_test',
    runId: 'run_1',
    modelId: 'vendor/model',
    maxTokens: 5_000,
  })
  expect(model.settled[0]?.usage).toMatchObject({ inputTokens: 100, costUsd: 0.0123, complete: true })
})

test('a client that leaves ends the provider’s request, and what was seen is settled as an estimate', async () => {
  const providerClosed = new Promise<void>((resolve) => {
    serve = (_request, response) => {
      response.once('close', () => resolve())
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(event({ id: 'gen-3', choices: [{ delta: { content: 'x'.repeat(40) } }] }))
    }
  })
  const stream = session.request(CHAT)
  stream.on('error', () => {})
  stream.end(JSON.stringify(BODY))
  await once(stream, 'data')
  stream.close(8)
  await providerClosed
  await rig.close()
  expect(model.settled).toHaveLength(1)
  expect(model.settled[0]?.cut).toBe(true)
  expect(model.settled[0]?.usage).toMatchObject({
    outputTokens: 14,
    costUsd: null,
    generationId: 'gen-3',
    complete: false,
  })
  expect(model.settled[0]?.usage.inputTokens).toBeGreaterThan(0)
})

test('an answer that the provider cuts is cut for the client too, and settled', async () => {
  serve = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event({ choices: [{ delta: { content: 'abcd' } }] }), () => response.destroy())
  }
  const stream = session.request(CHAT)
  stream.end(JSON.stringify(BODY))
  await expect(readAnswer(stream)).rejects.toThrow()
  await rig.close()
  expect(model.settled.map(({ usage, cut }) => [usage.complete, usage.outputTokens, cut])).toEqual([[false, 2, true]])
})

test('an answer that is left before its first byte is cut, and known by the name in its head', async () => {
  const begun = new Promise<void>((resolve) => {
    serve = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-generation-id': 'gen-head' })
      response.flushHeaders()
      resolve()
    }
  })
  const stream = session.request(CHAT)
  stream.on('error', () => {})
  stream.end(JSON.stringify(BODY))
  await begun
  await once(stream, 'response')
  stream.close(8)
  await rig.close()
  expect(model.settled.map(({ usage, cut }) => [usage.generationId, usage.complete, cut])).toEqual([
    ['gen-head', false, true],
  ])
})

test('a call that is left before the provider answers at all is cut; one the provider breaks off is not', async () => {
  const asked = new Promise<void>((resolve) => {
    serve = () => resolve()
  })
  const stream = session.request(CHAT)
  stream.on('error', () => {})
  stream.end(JSON.stringify(BODY))
  await asked
  stream.close(8)
  serve = (request) => void request.socket.destroy()
  expect((await ask(session, CHAT, JSON.stringify(BODY))).status).toBe(502)
  await rig.close()
  const outcomes = model.settled.map(({ modelCallId, usage, cut }) => [modelCallId, usage.complete, cut])
  expect(outcomes.toSorted()).toEqual([
    ['mdl_1', false, true],
    ['mdl_2', false, false],
  ])
})

test.each([
  { stream: true, cut: false },
  { stream: false, cut: true },
])('a provider that never begins its answer, $stream to be streamed, may have worked on it: $cut', async (call) => {
  await rig.close()
  rig = createTunnelRig({ access: { model: model.access }, timeouts: { idleMs: 200 } })
  session = await rig.connect('control')
  serve = () => {}
  const answer = await ask(session, CHAT, JSON.stringify({ ...BODY, stream: call.stream }))
  expect(answer).toMatchObject({ status: 504, body: expect.stringContaining('upstream_silent') })
  expect(model.settled).toMatchObject([{ cut: call.cut, usage: { outputTokens: 0, complete: false } }])
})

test('the key is taken out of an answer, its pieces and its headers', async () => {
  const said = `data: {"choices":[{"delta":{"content":"Bearer sk-secret-key"}}]}\n\n`
  serve = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'for sk-secret-key' })
    const at = said.indexOf('secret')
    response.write(said.slice(0, at))
    setImmediate(() => response.end(said.slice(at)))
  }
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.body).toBe(said.replace('sk-secret-key', '(the key)'))
  expect(answer.headers['x-request-id']).toBe('for (the key)')
})

test('an answer that comes packed, though nobody asked for that, is refused', async () => {
  serve = answerWith(200, { choices: [] }, { 'content-encoding': 'gzip' })
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.status).toBe(502)
  expect(JSON.parse(answer.body).error.message).toContain('answered in the encoding "gzip"')
})

test('more calls at once than a run can need are told to wait, and are served later', async () => {
  const waiting: http.ServerResponse[] = []
  const served = new Promise<void>((resolve) => {
    serve = (_request, response) => {
      waiting.push(response)
      if (waiting.length === 4) resolve()
    }
  })
  const calls = Array.from({ length: 4 }, () => ask(session, CHAT, JSON.stringify(BODY)))
  await served
  const refused = await ask(session, CHAT, JSON.stringify(BODY))
  expect(refused.status).toBe(429)
  expect(JSON.parse(refused.body).error).toEqual({
    code: 'rate_limited',
    message: '4 model calls of this sandbox are under way: wait for one of them.',
  })
  for (const response of waiting) response.writeHead(200, { 'content-type': 'text/event-stream' }).end()
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  serve = answerWith(200, {})
  expect((await ask(session, CHAT, JSON.stringify({ ...BODY, stream: false }))).status).toBe(200)
})

test.each([
  [
    'a whole answer, which is paid for',
    'application/json',
    JSON.stringify({ id: 'gen-3', choices: [], usage: USAGE }),
    0.0123,
  ],
  ['an error', 'application/json', '{"error":{"message":"sk-secret-key is slow","code":503}}', 0],
  ['a page', 'text/html; charset=utf-8', '<html>sk-secret-key</html>', 0],
])('a document where a stream was asked for is refused in words: %s', async (_name, contentType, body, costUsd) => {
  serve = (_request, response) => void response.writeHead(200, { 'content-type': contentType }).end(body)
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.headers['x-berth-refusal']).toBe('upstream_failed')
  expect(answer.body).toMatch(
    /answered (503: \(the key\) is slow|(application\/json|text\/html).* where a stream was asked for)/,
  )
  expect(JSON.stringify(answer)).not.toContain('sk-secret-key')
  expect(model.settled).toMatchObject([{ cut: false, usage: { costUsd, complete: true } }])
})

test('a slow reader holds the provider back', async () => {
  let written = 0
  const chunk = event({ choices: [{ delta: { content: 'y'.repeat(60_000) } }] })
  const total = 600
  serve = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (; written < total; written += 1) {
      if (!response.write(chunk)) await once(response, 'drain')
    }
    response.end()
  }
  const stream = session.request(CHAT)
  stream.end(JSON.stringify(BODY))
  await once(stream, 'response')
  let before = -1
  while (written !== before) {
    before = written
    for (let times = 0; times < 200; times += 1) await new Promise((resolve) => session.ping(resolve))
  }
  expect(written).toBeLessThan(total / 2)
  expect((await readText(stream)).length).toBe(chunk.length * total)
})

test.each([
  [401, { error: { message: 'bad key sk-secret-key' } }, 502, 'model_key_rejected'],
  [418, '"{\\"a\\": \\"sk-secret-key\\"}"', 418, 'upstream_failed'],
  [403, { error: { message: 'sk-secret-key may not' } }, 502, 'model_forbidden'],
  [402, { error: { message: 'no credit' } }, 402, 'credit_exhausted'],
  [429, { error: { message: 'slow down' } }, 429, 'rate_limited'],
  [400, { error: { message: 'too long', metadata: { raw: 'context is 8k' } } }, 400, 'upstream_failed'],
  [503, 'down', 503, 'upstream_failed'],
  [307, '', 502, 'upstream_failed'],
])(
  'a provider’s %i is told with its words, without the key, and costs nothing',
  async (status, body, expected, code) => {
    serve = answerWith(status, body, { 'retry-after': '7', location: 'http://elsewhere.test/' })
    const answer = await ask(session, CHAT, JSON.stringify(BODY))
    expect(answer.status).toBe(expected)
    expect(answer.headers['x-berth-refusal']).toBe(code)
    expect(JSON.parse(answer.body).error.code).toBe(code)
    if (status === 429) expect(answer.headers['retry-after']).toBe('7')
    if (status === 400) expect(answer.body).toContain('too long - context is 8k')
    expect(JSON.stringify(answer)).not.toContain('sk-secret-key')
    expect(rig.logLines.join('\n')).not.toContain('sk-secret-key')
    expect(model.settled.map(({ usage }) => [usage.costUsd, usage.inputTokens, usage.complete])).toEqual([[0, 0, true]])
  },
)

test('a provider that is not there is upstream_failed and costs nothing', async () => {
  provider.closeAllConnections()
  await new Promise((resolve) => provider.close(resolve))
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.status).toBe(502)
  expect(JSON.parse(answer.body).error).toEqual({
    code: 'upstream_failed',
    message: `The model provider did not answer: ${new URL(baseUrl).host} could not be reached: ECONNREFUSED. Check its address and that it is up.`,
  })
  expect(model.settled[0]?.usage).toMatchObject({ costUsd: 0, complete: true })
  provider.listen(0)
})

test('a refusal of the access port reaches the sandbox with its code and words, and nothing is sent', async () => {
  model.access.begin = async () => {
    const fields = [{ path: 'limits.maxCostUsd', message: 'is used up' }]
    throw new BerthError('budget_exhausted', 'The run has spent 5.00 USD.', { hint: 'Raise maxCostUsd.', fields })
  }
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.status).toBe(402)
  expect(JSON.parse(answer.body)).toEqual({
    error: {
      code: 'budget_exhausted',
      message: 'The run has spent 5.00 USD. Raise maxCostUsd.',
      param: 'limits.maxCostUsd',
    },
  })
  expect(answer.headers['x-berth-reason']).toBe('The run has spent 5.00 USD. Raise maxCostUsd.')
  expect(received).toEqual([])
})

test('a defect in the access port is internal, its message in the log only', async () => {
  model.access.begin = async () => {
    throw new Error('password=hunter2')
  }
  const answer = await ask(session, CHAT, JSON.stringify(BODY))
  expect(answer.status).toBe(500)
  expect(JSON.parse(answer.body).error.code).toBe('internal')
  expect(answer.body).not.toContain('hunter2')
  expect(rig.logLines.join('\n')).toContain('hunter2')
})

test('a body over 16 MiB is refused with words the client can read', async () => {
  const answer = await ask(session, CHAT, Buffer.alloc(16 * 1024 * 1024 + 1, ' '))
  expect(answer.status).toBe(413)
  expect(answer.headers['x-berth-refusal']).toBe('payload_too_large')
  expect(model.begun).toEqual([])
})

test('without a run, on another path or with another method nothing is served', async () => {
  const { [RUN_HEADER]: _run, ...noRun } = CHAT
  expect((await ask(session, noRun, JSON.stringify(BODY))).status).toBe(400)
  expect((await ask(session, { ...CHAT, ':path': '/api/v1/models' }, '')).status).toBe(404)
  expect((await ask(session, { ...CHAT, ':method': 'GET' })).status).toBe(404)
  expect(model.begun).toEqual([])
})
