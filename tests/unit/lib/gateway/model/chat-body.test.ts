import { expect, test } from 'vitest'
import { parseChatBody } from '../../../../../lib/gateway/model/chat-body.ts'
import { Refusal } from '../../../../../lib/gateway/refusal.ts'

const USER = { role: 'user', content: 'hello' }
const BASE = { model: 'vendor/model', messages: [USER] }
const PIXEL = 'data:image/png;base64,iVBORw0KGgo='

function rebuild(body: unknown, limit: number | null = null): Record<string, unknown> {
  return JSON.parse(parseChatBody(Buffer.from(JSON.stringify(body))).build(limit))
}

function refusal(body: unknown): { code: string; message: string } {
  try {
    parseChatBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
  } catch (error) {
    if (error instanceof Refusal) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('it was not refused')
}

test('a whole conversation as the model client writes it comes out as it went in', () => {
  const messages = [
    { role: 'system', content: [{ type: 'text', text: 'You fix bugs.', cache_control: { type: 'ephemeral' } }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look:' },
        { type: 'image_url', image_url: { url: PIXEL } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
      ],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'read_file', arguments: '{"path":"a"}' } }],
      reasoning: 'Hm.',
      reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', signature: 'sig', index: 0, format: 'x-v1' }],
    },
    { role: 'tool', tool_call_id: 'c1', name: 'read_file', content: 'text', cache_control: { type: 'ephemeral' } },
  ]
  const tools = [
    {
      type: 'function',
      function: { name: 'read_file', description: 'Reads.', parameters: { type: 'object', properties: { path: {} } } },
    },
  ]
  const rest = { tools, tool_choice: 'auto', temperature: 0.2, reasoning: { effort: 'high' }, max_tokens: 100 }
  expect(rebuild({ ...BASE, messages, ...rest, stream: true })).toEqual({
    ...BASE,
    messages,
    ...rest,
    stream: true,
    stream_options: { include_usage: true },
    usage: { include: true },
  })
})

test('usage is always asked for, whatever the body says, and what is unknown is left out', () => {
  const body = { ...BASE, user: 'x', metadata: {}, usage: { include: false }, stream_options: {}, store: true, n: 1 }
  expect(rebuild(body)).toEqual({ ...BASE, stream: false, usage: { include: true } })
})

test.each([
  [null, null, undefined],
  [100, null, 100],
  [null, 50, 50],
  [100, 50, 50],
  [20, 50, 20],
])('asked for %s and granted %s, max_tokens is %s', (asked, granted, expected) => {
  expect(rebuild({ ...BASE, max_tokens: asked }, granted).max_tokens).toBe(expected)
  expect(rebuild({ ...BASE, max_completion_tokens: asked }, granted).max_tokens).toBe(expected)
})

test.each(['models', 'route', 'preset', 'provider', 'plugins', 'web_search_options', 'transforms'])(
  'the field %s is refused by name',
  (field) => {
    const { code, message } = refusal({ ...BASE, [field]: ['x'] })
    expect(code).toBe('model_forbidden')
    expect(message).toContain(`The field \`${field}\` is refused: `)
  },
)

test.each([
  ['a model that searches the web', { ...BASE, model: 'vendor/model:online' }, 'model: must not ask for web access'],
  ['that suffix among others', { ...BASE, model: 'vendor/model:free:online' }, 'model: must not ask for web access'],
  ['a preset as the model', { ...BASE, model: 'vendor/model@preset/x' }, 'model: must be one model id, not a preset'],
  ['two models in one', { ...BASE, model: 'a,b' }, 'model: must be one model id'],
  ['no message', { ...BASE, messages: [] }, 'messages: '],
  [
    'a server-side tool',
    { ...BASE, tools: [{ type: 'openrouter:web_search' }] },
    'tools.0.type: only tools of type "function"',
  ],
  [
    'an image by URL',
    { ...BASE, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://a.test/x' } }] }] },
    'must be a data: URL',
  ],
  [
    'a file by URL',
    { ...BASE, messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: 'https://a.test/x' } }] }] },
    'must be a data: URL',
  ],
  ['an unknown role', { ...BASE, messages: [{ role: 'root', content: 'x' }] }, 'messages.0.role'],
  [
    'an unknown part',
    { ...BASE, messages: [{ role: 'user', content: [{ type: 'video_url' }] }] },
    'messages.0.content',
  ],
  ['several answers', { ...BASE, n: 8 }, 'n: one answer a call is served'],
  ['a list', [], 'must be a JSON object'],
  ['no JSON', '{', 'not JSON'],
])('%s is refused with words', (_what, body, words) => {
  expect(refusal(body).message).toContain(words)
})

test('the prompt is estimated from its bytes, and a picture by the piece', () => {
  const image = { type: 'image_url', image_url: { url: `${PIXEL}${'A'.repeat(100_000)}` } }
  const estimate = (content: unknown) =>
    parseChatBody(Buffer.from(JSON.stringify({ ...BASE, messages: [{ role: 'user', content }] }))).promptTokens
  const text = { type: 'text', text: 'x'.repeat(3_000) }
  expect(estimate([text])).toBeGreaterThan(1_000)
  expect(estimate([text])).toBeLessThan(1_100)
  expect(estimate([text, image, image])).toBeGreaterThan(11_000)
  expect(estimate([text, image, image])).toBeLessThan(11_200)
  expect(estimate('\u4f60'.repeat(1_000))).toBeGreaterThan(1_000)
  // A file is text to the model, and all of it is paid for.
  const file = { type: 'file', file: { file_data: `data:text/plain;base64,${'A'.repeat(30_000)}` } }
  expect(estimate([file])).toBeGreaterThan(10_000)
})

test('a schema of any depth is served or refused, and never a defect', () => {
  for (const depth of [100, 200_000]) {
    const nested = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const tools = `[{"type":"function","function":{"name":"f","parameters":${nested}}}]`
    const body = `{"model":"vendor/model","messages":[{"role":"user","content":"x"}],"tools":${tools}}`
    if (depth === 100) expect(parseChatBody(Buffer.from(body)).build(null)).toContain(nested)
    else expect(refusal(body).message).toContain('nested too deeply')
  }
})

test('a prototype is a key like any other', () => {
  const body = `{"__proto__":{"plugins":[1]},"constructor":{"x":1},"model":"vendor/model","messages":[{"role":"user","content":"x","__proto__":{"name":"y"}}]}`
  expect(JSON.parse(parseChatBody(Buffer.from(body)).build(null))).toEqual({
    model: 'vendor/model',
    messages: [{ role: 'user', content: 'x' }],
    stream: false,
    usage: { include: true },
  })
})

test('reasoning that is replayed keeps what providers sign, and nothing else', () => {
  const detail = { type: 'reasoning.encrypted', data: 'x', id: 'r1', format: 'f', index: 0 }
  const messages = [USER, { role: 'assistant', content: 'y', reasoning_details: [{ ...detail, url: 'http://a.test' }] }]
  expect(rebuild({ ...BASE, messages }).messages).toEqual([
    USER,
    { role: 'assistant', content: 'y', reasoning_details: [detail] },
  ])
  const other = [{ role: 'assistant', content: 'y', reasoning_details: [{ type: 'tool' }] }]
  expect(refusal({ ...BASE, messages: other }).code).toBe('validation_failed')
})
