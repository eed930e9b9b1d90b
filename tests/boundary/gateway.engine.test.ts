/**
 * A bridge that is not to be trusted, before the model gateway: a client on a tunnel that the real control plane takes for the
 * agent's. The provider is the scripted model over real HTTP, so that what arrived there is what was paid for.
 */
import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, expect } from 'vitest'
import { RUN_HEADER, type TunnelKind } from '../../container/contract/tunnel.ts'
import type { ModelRequest, Reply } from '../../scripts/stand-ins/model/script.ts'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { MODEL, MODEL_KEY } from '../support/e2e-outside.ts'
import { type Answer, ask, connectTunnel, readAnswer, readText } from '../support/tunnel-rig.ts'
import { describeBoundary } from './describe-boundary.ts'

const CHAT_PATH = '/api/v1/chat/completions'
const MIB = 1024 * 1024
const PIXEL = 'data:image/png;base64,iVBORw0KGgo='
/** Pieces of the flood, 22 MB: more than all buffers on the way hold. */
const FLOOD_PIECES = 5_000
const PIECE_CHARACTERS = 4_000

/** What the provider answers, by a word of the conversation's first message. */
const replies: Record<string, Reply> = {
  // The agents' own: their runs stay in progress.
  'Hold the line': { text: 'Waiting.', hangAfterChunks: 0 },
  'flood me': {
    text: 'x'.repeat(FLOOD_PIECES * PIECE_CHARACTERS),
    fragmentChars: PIECE_CHARACTERS,
    usage: { costUsd: 0.02 },
  },
  'left half-way': { text: 'Half a word and more of it.', hangAfterChunks: 1, usage: { costUsd: 0.5 } },
  'cut half-way': { text: 'Half a word and more of it.', delayMs: 20, cutAfterChunks: 3, usage: { costUsd: 0.25 } },
  'cost a cent': { text: 'Cheap.', usage: { promptTokens: 11, completionTokens: 7, costUsd: 0.01 } },
  'cost it all': { text: 'Dear.', usage: { costUsd: 3 } },
  'hang on': { text: 'Waiting.', hangAfterChunks: 0 },
  'say the key': { text: `My key is ${MODEL_KEY}!`, headers: { 'x-request-id': MODEL_KEY } },
  'refuse with the key': { error: { status: 400, message: `Bearer ${MODEL_KEY} is wrong` } },
  'refuse with it in a header': { error: { status: 429, message: 'slow', headers: { 'retry-after': MODEL_KEY } } },
  'refuse with it written otherwise': {
    error: { status: 400, message: '', body: `{"error":{"message":"\\u0073${MODEL_KEY.slice(1)}"}}` },
  },
  'redirect me': { error: { status: 307, message: '', headers: { location: `http://192.0.2.1/${MODEL_KEY}` } } },
}

const script = ({ conversation }: ModelRequest): Reply =>
  Object.entries(replies).find(([word]) => conversation.includes(word))?.[1] ?? { text: 'Ready.' }

let rig: BoundaryRig
let agent: BoundaryAgent
let other: BoundaryAgent
let poor: BoundaryAgent
let ended: BoundaryAgent
const sessions: { session: ClientHttp2Session; sockets: Socket[] }[] = []

beforeAll(async () => {
  rig = await startBoundary({ script })
  const work = (task: string, limits = {}) => rig.startWorkingAgent({ task: `Hold the line. ${task}`, limits })
  agent = await work('First.', { maxCostUsd: 100 })
  other = await work('Second.')
  poor = await work('Third.', { maxCostUsd: 3 })
  ended = await rig.startAgent()
})
afterAll(async () => {
  for (const { session, sockets } of sessions) {
    session.destroy()
    for (const socket of sockets) socket.destroy()
  }
  await rig?.close()
})

async function bridgeOf(of: BoundaryAgent, kind: TunnelKind = 'control'): Promise<ClientHttp2Session> {
  const { parts } = rig
  const incarnation = (await parts.stores.agents.find(of.id))?.incarnation ?? ''
  const connected = await connectTunnel({ attach: parts.attachTunnel, kind, owner: { agentId: of.id, incarnation } })
  sessions.push(connected)
  return connected.session
}

const headersOf = (of: BoundaryAgent, more: OutgoingHttpHeaders = {}) => ({
  ':method': 'POST',
  ':authority': 'model.berth',
  ':path': CHAT_PATH,
  [RUN_HEADER]: of.runId,
  ...more,
})

const bodyOf = (content: unknown, more: Record<string, unknown> = {}) => ({
  model: MODEL,
  max_tokens: 1_000,
  messages: [{ role: 'user', content }],
  ...more,
})

interface Call {
  as?: BoundaryAgent
  headers?: OutgoingHttpHeaders
  body?: unknown
}

async function call({ as = agent, headers = {}, body = bodyOf('Hello.') }: Call): Promise<Answer> {
  return await ask(await bridgeOf(as), headersOf(as, headers), JSON.stringify(body))
}

/** Begins a streamed call and answers when its head is there. */
async function begin(of: BoundaryAgent, content: string): Promise<ClientHttp2Stream> {
  const stream = (await bridgeOf(of)).request(headersOf(of))
  stream.on('error', () => {})
  stream.end(JSON.stringify(bodyOf(content, { stream: true })))
  await once(stream, 'response')
  return stream
}

const errorOf = (answer: Answer): { code: string; message: string } => JSON.parse(answer.body).error

/** What the provider was asked, in conversations with these words. */
const askedFor = (words: string) => rig.model.requests.filter(({ request }) => request?.conversation.includes(words))
const chats = () => rig.model.requests.filter(({ path }) => path.endsWith('/chat/completions')).length

/** Nothing of it reaches the provider. */
async function refused(attempt: Call): Promise<{ status: number; code: string; message: string }> {
  const before = chats()
  const answer = await call(attempt)
  expect(chats()).toBe(before)
  return { status: answer.status, ...errorOf(answer) }
}

const usageOf = (of: BoundaryAgent, costUsd: number) =>
  of.until(`usage of $${costUsd}`, ({ type, data }) => type === 'usage' && data.costUsd === costUsd)

describeBoundary('gateway', ({ attempt }) => {
  attempt('a body: only known fields reach the provider', async () => {
    const foreign = {
      user: 'somebody',
      metadata: { a: 1 },
      store: true,
      prediction: { type: 'content', content: 'x' },
      service_tier: 'priority',
      modalities: ['audio'],
      audio: { voice: 'x' },
      functions: [{ name: 'old' }],
      function_call: 'auto',
      prompt: 'raw',
      debug: { echo_upstream_body: true },
      trace: { id: 'x' },
      session_id: 'x',
      safety_identifier: 'x',
      prompt_cache_key: 'x',
      thinking: { type: 'enabled' },
      extra_body: { plugins: [] },
      mcp_servers: [{ url: 'http://a.test' }],
      container: 'x',
      usage: { include: false },
      stream_options: { include_usage: false },
      __proto__x: 1,
    }
    const messages = [
      { role: 'system', content: [{ type: 'text', text: 'Only known fields.' }] },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: PIXEL, detail: 'low' } }], name: 'me' },
      {
        role: 'assistant',
        content: 'Hm.',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', signature: 's', index: 0 }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'done' },
      { role: 'user', content: 'Go on.' },
    ]
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
    const known = { model: MODEL, max_tokens: 50, temperature: 0.5, tool_choice: 'auto', reasoning: { effort: 'low' } }
    const nested = JSON.parse(JSON.stringify({ messages, tools, reasoning: known.reasoning }), (key, value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      key !== 'parameters' &&
      key !== 'properties'
        ? { ...value, foreign: { url: 'http://a.test' }, web_search_options: {} }
        : value,
    )
    const { foreign: _f, web_search_options: _w, ...inside } = nested
    const { status } = await call({ body: { ...known, ...foreign, ...inside, stream: true } })
    expect(status).toBe(200)
    const arrived = rig.model.requests.findLast(({ request }) => request?.body.messages[0]?.role === 'system')
    const ours = rig.model.requests.findLast(({ request }) => JSON.stringify(request).includes('Only known fields.'))
    expect(ours?.request?.body).toEqual({
      ...known,
      messages,
      tools,
      stream: true,
      stream_options: { include_usage: true },
      usage: { include: true },
    })
    expect(arrived).toBeDefined()
    expect(ours?.headers).toMatchObject({ authorization: `Bearer ${MODEL_KEY}`, 'user-agent': 'berth' })
  })

  attempt('another model than the agent has', async () => {
    expect(await refused({ body: bodyOf('x', { model: 'openai/gpt-5-mini' }) })).toEqual({
      status: 403,
      code: 'model_forbidden',
      message: `This run may use ${MODEL}, not openai/gpt-5-mini. A model that was chosen since holds from the next run on.`,
    })
  })

  attempt('a list of models to fall back to', async () => {
    for (const more of [{ models: [MODEL, 'openai/gpt-5-mini'] }, { route: 'fallback' }, { preset: 'x' }]) {
      const [field] = Object.keys(more)
      expect((await refused({ body: bodyOf('x', more) })).message).toContain(`The field \`${field}\` is refused`)
    }
    expect((await refused({ body: bodyOf('x', { model: [MODEL, 'openai/gpt-5-mini'] }) })).status).toBe(422)
    expect((await refused({ body: bodyOf('x', { model: `${MODEL},openai/gpt-5-mini` }) })).status).toBe(422)
  })

  attempt('a model with :online behind it, or another ending', async () => {
    const online = await refused({ body: bodyOf('x', { model: `${MODEL}:online` }) })
    expect(online.message).toContain('must not ask for web access (`:online`)')
    for (const ending of [':nitro', ':free', '@preset/x', ' ', '\u0000', '/']) {
      const { code } = await refused({ body: bodyOf('x', { model: `${MODEL}${ending}` }) })
      expect(['model_forbidden', 'validation_failed']).toContain(code)
    }
  })

  attempt('plugins and web search', async () => {
    for (const field of ['plugins', 'web_search_options', 'transforms', 'provider']) {
      const { code, message } = await refused({ body: bodyOf('x', { [field]: [{ id: 'web' }] }) })
      expect(code).toBe('model_forbidden')
      expect(message).toContain(`The field \`${field}\` is refused`)
    }
  })

  attempt("a provider's server tools", async () => {
    for (const type of [
      'openrouter:web_search',
      'web_search_20250305',
      'code_execution',
      'mcp',
      'custom',
      'computer',
    ]) {
      const tools = [{ type, name: 'x', function: { name: 'x' } }]
      expect((await refused({ body: bodyOf('x', { tools }) })).message).toContain('only tools of type "function"')
    }
  })

  attempt('an image or a file by URL', async () => {
    const urls = ['http://127.0.0.1/', 'https://a.test/x.png', 'file:///etc/passwd', 'gs://a/b', '//a.test/x', 'data:x']
    for (const url of urls) {
      for (const part of [
        { type: 'image_url', image_url: { url } },
        { type: 'file', file: { file_data: url } },
      ]) {
        expect((await refused({ body: bodyOf([part]) })).message).toContain('must be a data: URL')
      }
    }
    for (const type of ['input_audio', 'video_url', 'document', 'input_image']) {
      expect((await refused({ body: bodyOf([{ type, url: 'http://a.test/' }]) })).code).toBe('validation_failed')
    }
  })

  attempt('a body over 16 MiB', async () => {
    const { status, code } = await refused({ body: bodyOf('x'.repeat(17 * MIB)) })
    expect([status, code]).toEqual([413, 'payload_too_large'])
    const unending = (await bridgeOf(agent)).request(headersOf(agent))
    unending.on('error', () => {})
    const answered = readAnswer(unending)
    const feed = async () => {
      for (let sent = 0; sent < 40 && !unending.destroyed; sent += 1) {
        if (!unending.write(Buffer.alloc(MIB, ' '))) await Promise.race([once(unending, 'drain'), answered])
      }
      unending.end()
    }
    const [answer] = await Promise.all([answered, feed()])
    expect(answer.status).toBe(413)
  })

  attempt('another route of the provider', async () => {
    const before = rig.model.requests.length
    const paths = [
      '/api/v1/models',
      '/api/v1/generation?id=gen-1',
      '/api/v1/credits',
      '/api/v1/key',
      '/api/v1/keys',
      '/',
      '*',
      `${CHAT_PATH}/`,
      `${CHAT_PATH}?x=1`,
      `${CHAT_PATH}#x`,
      '/api/v1/chat/../chat/completions',
      '/api/v1/chat/completions/../../credits',
      '/api/v1/chat%2fcompletions',
      '//api/v1/chat/completions',
      'http://127.0.0.1/api/v1/chat/completions',
      '/API/V1/CHAT/COMPLETIONS',
    ]
    for (const path of paths) {
      const answered = call({ headers: { ':path': path } }).then(({ status }) => status)
      // Some are no path to HTTP/2 itself.
      expect([404, 'no answer'], path).toContain(await answered.catch(() => 'no answer'))
    }
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const session = await bridgeOf(agent)
      expect((await ask(session, headersOf(agent, { ':method': method }))).status).toBe(404)
    }
    expect(rig.model.requests).toHaveLength(before)
  })

  attempt('another way to the gateway: the proxy, the egress connection, CONNECT', async () => {
    const before = chats()
    const egress = await ask(await bridgeOf(agent, 'egress'), headersOf(agent), JSON.stringify(bodyOf('x')))
    expect(egress.status).toBe(421)
    const connect = { ':method': 'CONNECT', ':authority': 'model.berth:443' }
    for (const kind of ['control', 'egress'] as const) {
      expect((await ask(await bridgeOf(agent, kind), connect)).status).toBe(421)
    }
    for (const authority of ['model.berth.', 'MODEL.BERTH', 'model.berth:80', 'x.model.berth']) {
      const answer = await call({ headers: { ':authority': authority } })
      expect(answer.status, authority).toBe(421)
    }
    const { output } = await agent.sh('curl -sS -w "%{http_code}" -d "{}" http://model.berth/api/v1/chat/completions')
    expect(output).toMatch(/model\.berth is not for programs in the sandbox.*403/s)
    expect(chats()).toBe(before)
  })

  attempt('a run that has ended', async () => {
    expect(await refused({ as: ended })).toEqual({
      status: 409,
      code: 'state_conflict',
      message:
        'Only a run in progress may call the model. The run has ended or was cancelled; resume the agent with a new task.',
    })
  })

  attempt("another agent's run", async () => {
    const { status, code } = await refused({ headers: { [RUN_HEADER]: other.runId } })
    expect([status, code]).toEqual([409, 'state_conflict'])
  })

  attempt('a run that was cancelled', async () => {
    expect((await call({ as: other })).status).toBe(200)
    const left = await begin(other, 'hang on, second')
    const { status } = await rig.api.call('POST', `/api/agents/${other.id}/cancel`)
    expect(status).toBeLessThan(300)
    expect((await refused({ as: other })).code).toBe('state_conflict')
    await other.untilRunIsOver(other.runId)
    expect((await refused({ as: other })).code).toBe('state_conflict')
    left.destroy()
  })

  attempt('no run at all', async () => {
    const none = { [RUN_HEADER]: undefined }
    for (const headers of [none, { [RUN_HEADER]: '' }, { [RUN_HEADER]: '../x' }, { [RUN_HEADER]: 'x'.repeat(200) }]) {
      expect((await refused({ headers })).code).toBe('validation_failed')
    }
    expect((await refused({ headers: { [RUN_HEADER]: [agent.runId, agent.runId] } })).code).toBe('validation_failed')
    expect((await refused({ headers: { [RUN_HEADER]: 'run_unknown' } })).code).toBe('state_conflict')
  })

  attempt('more calls at once than a run can need', async () => {
    // Its own call is one of the four.
    const streams = await Promise.all([1, 2, 3].map((index) => begin(agent, `hang on ${index}`)))
    const { status, message } = await refused({})
    expect(status).toBe(429)
    expect(message).toBe('4 model calls of this sandbox are under way: wait for one of them.')
    for (const stream of streams) stream.close(8)
    await expect.poll(async () => (await call({})).status, { timeout: 10_000 }).toBe(200)
  })

  attempt('a reader that stops reading: nothing is buffered without bound', async () => {
    const stream = await begin(agent, 'flood me')
    const sent = () => askedFor('flood me')[0]?.piecesSent ?? 0
    const { session } = stream
    if (session === undefined) throw new Error('the stream has no session')
    // Until nothing moves any more: each look waits for the connection to answer many times.
    let before = -1
    while (sent() !== before || before === 0) {
      before = sent()
      for (let times = 0; times < 300; times += 1) await new Promise((resolve) => session.ping(resolve))
    }
    expect(sent()).toBeGreaterThan(0)
    expect(sent()).toBeLessThan(FLOOD_PIECES / 2)
    expect((await call({ body: bodyOf('Hello.') })).status).toBe(200)
    const text = await readText(stream)
    expect(text.match(/"content":"x+"/g)).toHaveLength(FLOOD_PIECES)
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
  })

  attempt('a stream that the sandbox cuts: it is paid for', async () => {
    const stream = await begin(agent, 'left half-way')
    await once(stream, 'data')
    stream.close(8)
    const { data } = await usageOf(agent, 0.5)
    expect(data).toMatchObject({ complete: true, model: MODEL })
    expect(data).not.toHaveProperty('generationId')
  })

  attempt('a stream that the provider cuts: it is paid for', async () => {
    const stream = await begin(agent, 'cut half-way')
    await expect(readText(stream)).rejects.toThrow()
    expect((await usageOf(agent, 0.25)).data).toMatchObject({ complete: true })
  })

  attempt('usage, always asked for and never believed from the sandbox', async () => {
    const claims = { usage: { include: false, cost: 0 }, stream_options: { include_usage: false } }
    const { status } = await call({ body: bodyOf('cost a cent', { ...claims, stream: true }) })
    expect(status).toBe(200)
    const [arrived] = askedFor('cost a cent')
    expect(arrived?.request?.body).toMatchObject({ usage: { include: true }, stream_options: { include_usage: true } })
    expect((await usageOf(agent, 0.01)).data).toMatchObject({ inputTokens: 11, outputTokens: 7, complete: true })
  })

  attempt('an answer longer than what is left of a limit', async () => {
    // Its own call holds the price of 128,000 tokens of answer, 1.92 of its 3 dollars.
    expect((await call({ as: poor, body: bodyOf('how long', { max_tokens: 1_000_000 }) })).status).toBe(200)
    const maxTokens = askedFor('how long')[0]?.request?.body.max_tokens ?? 0
    expect(maxTokens).toBeGreaterThan(50_000)
    expect(maxTokens * 0.000015).toBeLessThan(3 - 1.92)
    expect((await call({ as: poor, body: bodyOf('unsaid', { max_tokens: undefined }) })).status).toBe(200)
    expect(askedFor('unsaid')[0]?.request?.body.max_tokens).toBeLessThan(72_000)
  })

  attempt('two calls at once on what is left of a limit', async () => {
    const dear = bodyOf('hang on, twice', { max_tokens: 60_000, stream: true })
    const streams = await Promise.all([1, 2].map(async () => (await bridgeOf(poor)).request(headersOf(poor))))
    const heads = streams.map((stream) => {
      stream.on('error', () => {})
      stream.end(JSON.stringify(dear))
      return once(stream, 'response')
    })
    const statuses = (await Promise.all(heads)).map(([headers]) => headers[':status'])
    const granted = askedFor('hang on, twice').map(({ request }) => request?.body.max_tokens ?? 0)
    expect(granted.reduce((sum, tokens) => sum + tokens * 0.000015, 0)).toBeLessThan(3 - 1.92)
    expect(statuses.filter((status) => status === 200)).toHaveLength(granted.length)
    expect(granted).toContain(60_000)
    for (const stream of streams) stream.close(8)
  })

  attempt('a limit that is reached', async () => {
    // What the calls before it were cut off with is held until their price is known.
    const spend = () => call({ as: poor, body: bodyOf('cost it all', { max_tokens: 300 }) })
    await expect.poll(async () => (await spend()).status, { timeout: 20_000 }).toBe(200)
    await usageOf(poor, 3)
    const { status, code, message } = await refused({ as: poor })
    expect([status, code]).toEqual([402, 'budget_exhausted'])
    expect(message).toBe('The limit of $3 a run is reached.')
  })

  attempt('the key, in an answer, its headers, an error or a redirect of the provider', async () => {
    const words = Object.keys(replies).filter((word) => /key|header|otherwise|redirect/.test(word))
    expect(words).toHaveLength(5)
    for (const word of words) {
      for (const stream of [true, false]) {
        const answer = await call({ body: bodyOf(word, { stream }) })
        expect(JSON.stringify(answer), word).not.toContain(MODEL_KEY)
        expect(JSON.stringify(answer), word).not.toContain(MODEL_KEY.slice(1))
        if (word === 'say the key') expect(answer.status).toBe(200)
        else expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(answer.headers.location).toBeUndefined()
      }
    }
    // Never anywhere but in the provider's own requests.
    expect(JSON.stringify(await rig.api.listEvents(agent.id))).not.toContain(MODEL_KEY)
  })
})
