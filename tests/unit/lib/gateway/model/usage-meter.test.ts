import { expect, test } from 'vitest'
import { createUsageMeter } from '../../../../../lib/gateway/model/usage-meter.ts'

const head = (contentType: string, generationId: string | null = null) => ({ contentType, generationId })
const USAGE = { prompt_tokens: 10, completion_tokens: 4, cost: 0.5 }

test('an answer in any pieces gives the provider’s figure', () => {
  const events = [
    { id: 'gen-1', choices: [{ delta: { content: 'h\u00e9llo \u{1F600}' } }] },
    { id: 'gen-1', choices: [], usage: USAGE },
  ]
  const bytes = Buffer.from(`${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`)
  for (const size of [1, 7, 10_000]) {
    const meter = createUsageMeter(head('text/event-stream; charset=utf-8'))
    for (let start = 0; start < bytes.length; start += size) meter.feed(bytes.subarray(start, start + size))
    expect(meter.read(99)).toEqual({
      inputTokens: 10,
      outputTokens: 4,
      cachedInputTokens: 0,
      reasoningTokens: 0,
      costUsd: 0.5,
      generationId: 'gen-1',
      complete: true,
    })
  }
})

test('a cut answer is estimated from text, reasoning and tool calls, without a cost', () => {
  const meter = createUsageMeter(head('text/event-stream'))
  const delta = {
    content: 'aaaa',
    reasoning: 'bbbb',
    tool_calls: [{ function: { name: 'cccc', arguments: 'dddd' } }],
  }
  meter.feed(Buffer.from(`data: ${JSON.stringify({ id: 'gen-2', choices: [{ delta }] })}\n\ndata: {"id":"gen-2","cho`))
  expect(meter.read(41)).toMatchObject({
    inputTokens: 41,
    outputTokens: 6,
    costUsd: null,
    generationId: 'gen-2',
    complete: false,
  })
})

test('a provider without a price, or with nonsense for one, gives tokens and no cost', () => {
  for (const cost of [undefined, 'free', -1]) {
    const meter = createUsageMeter(head('application/json'))
    meter.feed(Buffer.from(JSON.stringify({ choices: [], usage: { ...USAGE, cost } })))
    expect(meter.read(0).costUsd).toBeNull()
  }
})

test('an answer that is no JSON is an estimate', () => {
  const meter = createUsageMeter(head('application/json'))
  meter.feed(Buffer.from('<html>'))
  expect(meter.read(4)).toMatchObject({ inputTokens: 4, outputTokens: 0, complete: false })
})

test('a generation is known by the name in the head, else by the first in the answer, and by no other', () => {
  const piece = (id: string) => Buffer.from(`data: ${JSON.stringify({ id, choices: [] })}\n\n`)
  const named = createUsageMeter(head('text/event-stream', 'gen-head'))
  expect(named.generationId()).toBe('gen-head')
  named.feed(piece('gen-1'))
  expect(named.generationId()).toBe('gen-head')
  const unnamed = createUsageMeter(head('text/event-stream', 'two words'))
  expect(unnamed.generationId()).toBeNull()
  unnamed.feed(piece('a\r\nb'))
  expect(unnamed.generationId()).toBeNull()
  unnamed.feed(piece('gen-1'))
  unnamed.feed(piece('gen-2'))
  expect(unnamed.generationId()).toBe('gen-1')
})
