import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { generateText, isStepCount, streamText, tool } from 'ai'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { Script } from '../../../../../scripts/stand-ins/model/script.ts'
import { ScriptRefusal } from '../../../../../scripts/stand-ins/model/script.ts'
import { type ModelStandIn, startModel } from '../../../../../scripts/stand-ins/model/start-model.ts'
import { signatureOf } from '../../../../../scripts/stand-ins/model/wire.ts'

const MODEL = 'anthropic/claude-sonnet-4.6'
let model: ModelStandIn

afterEach(() => model.close())

const start = async (script: Script) => {
  model = await startModel({ script, apiKey: 'sk-test' })
}

const languageModel = () =>
  createOpenRouter({ apiKey: 'sk-test', baseURL: model.url }).chat(MODEL, { usage: { include: true } })

const lookUp = tool({
  inputSchema: z.object({ word: z.string() }),
  execute: ({ word }) => `${word} is a word`,
})

async function stream(prompt: string) {
  const errors: unknown[] = []
  const result = streamText({
    model: languageModel(),
    prompt,
    tools: { lookUp },
    stopWhen: isStepCount(5),
    maxRetries: 0,
    onError: ({ error }) => void errors.push(error),
  })
  const parts: string[] = []
  for await (const part of result.stream) {
    parts.push(part.type)
  }
  return { result, parts, errors }
}

function post(body: unknown, key = 'sk-test') {
  return fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

test('the real provider reads a streamed conversation: reasoning, text, tool calls, usage and cost', async () => {
  await start([
    {
      reasoning: 'I should look it up.',
      text: 'Looking…',
      toolCalls: [{ name: 'lookUp', input: { word: 'naïve 🚀' } }],
    },
    { text: 'It is a word.', usage: { promptTokens: 1000, completionTokens: 100, cachedTokens: 400 } },
  ])
  const { result, parts, errors } = await stream('What is it?')
  const [first, second] = await result.steps
  expect(errors).toEqual([])
  expect(first?.reasoningText).toBe('I should look it up.')
  expect(first?.text).toBe('Looking…')
  expect(first?.toolCalls.map(({ input }) => input)).toEqual([{ word: 'naïve 🚀' }])
  expect(first?.finishReason).toBe('tool-calls')
  expect(second?.text).toBe('It is a word.')
  expect(second?.finishReason).toBe('stop')
  expect(second?.usage).toMatchObject({ inputTokens: 1000, outputTokens: 100 })
  expect(second?.providerMetadata?.openrouter).toMatchObject({
    provider: 'Scripted',
    usage: { cost: 0.00342, promptTokensDetails: { cachedTokens: 400 } },
  })
  expect(parts.filter((type) => type === 'text-delta').length).toBeGreaterThan(1)
  expect(parts).toContain('tool-input-delta')
  expect(model.unscripted).toEqual([])
  const [, replayed] = model.requests[1]?.request?.body.messages ?? []
  expect(replayed).toMatchObject({
    reasoning_details: [{ text: 'I should look it up.', signature: signatureOf('I should look it up.') }],
  })
  const results = model.requests[1]?.request?.toolResults
  expect(results?.map(({ text }) => text)).toEqual(['naïve 🚀 is a word'])
})

test('the real provider reads an answer that is not streamed', async () => {
  await start([{ toolCalls: [{ name: 'lookUp', input: { word: 'a' } }] }, { reasoning: 'hm', text: 'done' }])
  const result = await generateText({
    model: languageModel(),
    prompt: 'go',
    tools: { lookUp },
    stopWhen: isStepCount(5),
  })
  expect(result.text).toBe('done')
  expect(result.reasoningText).toBe('hm')
  expect(result.steps).toHaveLength(2)
})

test('the stream is OpenRouter’s, byte for byte', async () => {
  model = await startModel({ script: [{ text: 'Hi' }], now: () => new Date('2026-01-01T00:00:00Z') })
  const response = await post({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'hello' }] })
  const body = (await response.text()).replaceAll(/gen-1767225600-[\w-]{20}/g, 'gen-X')
  const head = `{"id":"gen-X","provider":"Scripted","model":"${MODEL}","object":"chat.completion.chunk","created":1767225600,"choices":[{"index":0,"delta":`
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(body).toBe(
    [
      ': OPENROUTER PROCESSING\n\n',
      `data: ${head}{"role":"assistant","content":"Hi"},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}\n\n`,
      `data: ${head}{"role":"assistant","content":""},"finish_reason":"stop","native_finish_reason":"end_turn","logprobs":null}]}\n\n`,
      `data: ${head}{"role":"assistant","content":""},"finish_reason":null,"native_finish_reason":null,"logprobs":null}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"cost":0.000024,"is_byok":false,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"cost_details":{"upstream_inference_cost":null},"completion_tokens_details":{"reasoning_tokens":0,"image_tokens":0}}}\n\n`,
      'data: [DONE]\n\n',
    ].join(''),
  )
})

test('an error, an error in the stream, a cut and a missing end are what the provider knows them as', async () => {
  await start([
    { error: { status: 429, message: 'Slow down', metadata: { provider_name: 'X' }, headers: { 'retry-after': '3' } } },
    { text: 'half an ans', midStreamError: { code: 502, message: 'Provider disconnected' } },
    { text: 'a text that is longer than one chunk', cutAfterChunks: 1 },
    { text: 'no end', finish: null },
  ])
  const limited = await stream('go')
  expect(limited.errors).toMatchObject([{ statusCode: 429, responseHeaders: { 'retry-after': '3' } }])
  const broken = await stream('go')
  expect(broken.errors).toMatchObject([{ message: 'Provider disconnected' }])
  const cut = await stream('go')
  expect(cut.errors).toHaveLength(1)
  const open = await stream('go')
  expect(await open.result.finishReason).toBe('other')
})

test('a hanging answer ends when the client leaves', async () => {
  await start([{ text: 'never all of it', hangAfterChunks: 1 }])
  const leave = new AbortController()
  const response = await fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test' },
    body: JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'x' }] }),
    signal: leave.signal,
  })
  const reader = response.body?.getReader()
  const first = await reader?.read()
  expect(new TextDecoder().decode(first?.value)).toContain('PROCESSING')
  leave.abort()
  await expect(reader?.read().then(() => reader.read())).rejects.toThrow('aborted')
})

test('conversations are told apart, by marker and by their first words', async () => {
  await start({ '[one]': [{ text: 'one' }, { text: 'one again' }], '[two]': [{ text: 'two' }] })
  const say = async (prompt: string) => (await generateText({ model: languageModel(), prompt, maxRetries: 0 })).text
  expect(await say('[one] a')).toBe('one')
  expect(await say('[two]')).toBe('two')
  expect(await say('[one] b')).toBe('one')
  expect(await say('[one] a')).toBe('one again')
  await expect(say('[three]')).rejects.toThrow(
    'The scripted model cannot go on: No script is marked for this conversation. Markers: [one], [two].',
  )
})

test('what the script does not foresee is refused in words and recorded', async () => {
  await start([
    () => {
      throw new ScriptRefusal('the test should fail first')
    },
  ])
  const ask = () => post({ model: MODEL, messages: [{ role: 'user', content: 'x' }] })
  const refused = await ask()
  expect(refused.status).toBe(400)
  expect((await refused.json()).error.message).toBe('The scripted model cannot go on: the test should fail first')
  await ask()
  expect(model.unscripted).toEqual([
    'the test should fail first',
    'The script ends after 1 replies; this is request 2.',
  ])
})

test('a wrong key and an unknown model are refused as OpenRouter does', async () => {
  await start([])
  const wrongKey = await post({}, 'sk-wrong')
  expect([wrongKey.status, await wrongKey.json()]).toEqual([401, { error: { message: 'User not found.', code: 401 } }])
  const wrongModel = await post({ model: 'no/such', messages: [] })
  expect([wrongModel.status, await wrongModel.json()]).toEqual([
    400,
    { error: { message: 'no/such is not a valid model ID', code: 400 } },
  ])
})

test('a key tells its limit, and what is left of it after the calls so far', async () => {
  const readKey = async () => {
    const answer = await fetch(`${model.url}/key`, { headers: { authorization: 'Bearer sk-test' } })
    return (await answer.json()).data
  }
  model = await startModel({ script: [{ text: 'hi', usage: { costUsd: 0.25 } }], apiKey: 'sk-test', keyLimitUsd: 2 })
  expect(await readKey()).toMatchObject({ usage: 0, limit: 2, limit_remaining: 2 })
  await post({ model: MODEL, messages: [{ role: 'user', content: 'Hello?' }] })
  expect(await readKey()).toMatchObject({ usage: 0.25, limit: 2, limit_remaining: 1.75 })
})

test('models have prices and context lengths, and a generation can be looked up by its id', async () => {
  await start([{ text: 'hi', usage: { costUsd: 0.25 } }])
  const { data } = await (await fetch(`${model.url}/models`)).json()
  expect(data[0]).toMatchObject({
    id: MODEL,
    context_length: 1_000_000,
    pricing: { prompt: '0.000003', completion: '0.000015' },
  })
  const { id } = await (await post({ model: MODEL, messages: [{ role: 'user', content: 'x' }] })).json()
  const authorized = { headers: { authorization: 'Bearer sk-test' } }
  const generation = await (await fetch(`${model.url}/generation?id=${id}`, authorized)).json()
  expect(generation.data).toMatchObject({ id, model: MODEL, total_cost: 0.25 })
  const credits = await (await fetch(`${model.url}/credits`, authorized)).json()
  expect(credits.data.total_usage).toBe(0.25)
})

test('a streamed answer names its generation in its head, and has the headers and the pieces that the script says', async () => {
  await start([{ text: 'abcdef', fragmentChars: 2, headers: { 'x-more': 'yes' } }])
  const response = await post({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'Hi' }] })
  const body = await response.text()
  expect(response.headers.get('x-more')).toBe('yes')
  expect(body).toContain(`"id":"${response.headers.get('x-generation-id')}"`)
  expect([...body.matchAll(/"content":"(\w+)"/g)].map(([, piece]) => piece)).toEqual(['ab', 'cd', 'ef'])
  expect(model.requests[0]?.piecesSent).toBe(5)
})
