import { describe, expect, it } from 'vitest'
import { type Conversation, createConversation } from '../../../../../container/bridge/executor/conversation.ts'
import type { JournalInput } from '../../../../../container/bridge/journal/journal.ts'

/** Applies events and inputs; events may leave out what the fold does not look at. */
function fold(...entries: ([type: string, data: Record<string, unknown>] | JournalInput)[]): Conversation {
  const conversation = createConversation()
  for (const [index, entry] of entries.entries()) {
    if (!Array.isArray(entry)) {
      conversation.apply({ kind: 'input', input: entry })
      continue
    }
    const [type, data] = entry
    conversation.apply({
      kind: 'event',
      event: { n: index + 1, type, runId: 'run_1', at: '2026-01-01T00:00:00Z', data },
    })
  }
  return conversation
}

const said = (eventId: string, text: string): JournalInput => ({
  kind: 'message',
  runId: 'run_1',
  message: { eventId, text },
})
const started = (inputEventId: string, model = 'm'): [string, Record<string, unknown>] => [
  'run_started',
  { inputEventId, model, maxSteps: 15, continued: false },
]
const thinking = (step: number, notice?: string): [string, Record<string, unknown>] => [
  'thinking',
  { step, maxSteps: 15, tokensUsed: 0, maxTokens: null, ...(notice ? { notice } : {}) },
]
const text = (words: string, extra = {}): [string, Record<string, unknown>] => [
  'text',
  { step: 1, messageId: 'm1', text: words, ...extra },
]
const call = (id: string, extra = {}): [string, Record<string, unknown>] => [
  'tool_call',
  { step: 1, toolCallId: id, tool: 'echo', input: { id }, ...extra },
]
const result = (id: string, output: string, outcome = 'ok'): [string, Record<string, unknown>] => [
  'tool_result',
  { step: 1, toolCallId: id, tool: 'echo', outcome, output, durationMs: 1 },
]

describe('the conversation', () => {
  it('is one assistant message and one tool message a step, results in call order', () => {
    const { messages } = fold(
      said('e1', 'Go.'),
      started('e1'),
      thinking(1),
      text('On it.'),
      call('a'),
      call('b'),
      call('c'),
      result('c', '3'),
      result('a', '1'),
      result('b', '2', 'error'),
    )
    expect(messages()).toEqual([
      { role: 'user', content: 'Go.' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'On it.' },
          { type: 'tool-call', toolCallId: 'a', toolName: 'echo', input: { id: 'a' } },
          { type: 'tool-call', toolCallId: 'b', toolName: 'echo', input: { id: 'b' } },
          { type: 'tool-call', toolCallId: 'c', toolName: 'echo', input: { id: 'c' } },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'a', toolName: 'echo', output: { type: 'text', value: '1' } },
          { type: 'tool-result', toolCallId: 'b', toolName: 'echo', output: { type: 'error-text', value: '2' } },
          { type: 'tool-result', toolCallId: 'c', toolName: 'echo', output: { type: 'text', value: '3' } },
        ],
      },
    ])
  })

  it('takes the words of a person where a run refers to them, once', () => {
    const { messages } = fold(
      said('e1', 'One.'),
      said('e2', 'Two.'),
      started('e1'),
      thinking(1),
      text('ok'),
      started('e1'),
      started('e2'),
    )
    expect(messages().map(({ role, content }) => (role === 'user' ? content : role))).toEqual([
      'One.',
      'assistant',
      'Two.',
    ])
  })

  it('puts words whose run never began before those of the next run', () => {
    const { messages } = fold(
      said('e1', 'One.'),
      said('e2', 'Two.'),
      started('e2'),
      said('e3', 'Three.'),
      started('e3'),
    )
    expect(messages().map(({ content }) => content)).toEqual(['One.', 'Two.', 'Three.'])
  })

  it('replays a notice as a user message before its step', () => {
    const { messages } = fold(
      said('e1', 'Go.'),
      started('e1'),
      thinking(1),
      call('a'),
      result('a', ''),
      thinking(2, 'Hurry.'),
    )
    expect(messages().slice(-2)).toMatchObject([
      { role: 'tool', content: [{ output: { value: '(no output)' } }] },
      { role: 'user', content: 'Hurry.' },
    ])
  })

  it('puts what has to be replayed exactly on the message, with its reasoning', () => {
    const providerMetadata = {
      openrouter: { reasoning_details: [{ type: 'reasoning.text', text: 'Hm.', signature: 's' }] },
    }
    const { messages } = fold(
      thinking(1),
      ['reasoning', { step: 1, messageId: 'r', text: 'Hm.', providerMetadata }],
      text('ok'),
    )
    expect(messages()).toEqual([
      {
        role: 'assistant',
        providerOptions: providerMetadata,
        content: [
          { type: 'reasoning', text: 'Hm.' },
          { type: 'text', text: 'ok' },
        ],
      },
    ])
  })

  it('leaves out reasoning that was followed by nothing', () => {
    expect(fold(thinking(1), ['reasoning', { step: 1, messageId: 'r', text: 'Hm.' }], thinking(2)).messages()).toEqual(
      [],
    )
  })

  it('drops the reasoning of another model, which could not use it', () => {
    const providerMetadata = { openrouter: { reasoning_details: [] } }
    const { messages } = fold(
      said('e1', 'Go.'),
      said('e2', 'More.'),
      started('e1', 'a'),
      thinking(1),
      ['reasoning', { step: 1, messageId: 'r', text: 'Hm.', providerMetadata }],
      text('ok'),
      started('e2', 'b'),
    )
    expect(messages()[1]).toEqual({ role: 'assistant', content: [{ type: 'text', text: 'ok' }] })
  })

  it('knows the calls that have no result, and never shows the model one without', () => {
    const open = fold(started('e1'), thinking(1), call('a'), call('b'), result('b', '2'))
    expect(open.openCalls()).toEqual([{ toolCallId: 'a', tool: 'echo', step: 1, runId: 'run_1' }])
    const closed = fold(started('e1'), thinking(1), call('a'), call('b'), result('b', '2'), thinking(2))
    expect(closed.openCalls()).toEqual([])
    expect(closed.messages().at(-1)).toMatchObject({
      role: 'tool',
      content: [{ toolCallId: 'a' }, { toolCallId: 'b' }],
    })
  })

  it('passes over what it does not know, cannot read, or saw the end of already', () => {
    const { messages } = fold(
      ['hologram', { x: 1 }],
      ['toString', {}],
      ['text', { text: 7 }],
      result('never-called', 'x'),
    )
    expect(messages()).toEqual([])
  })

  it('begins anew with a history, in which the control plane keeps the words of a person', () => {
    const events = [
      { id: 'e1', type: 'message', runId: 'run_1', data: { text: 'Old.', from: null } },
      { id: 'e2', type: 'run_started', runId: 'run_1', data: started('e1')[1] },
      { id: 'e3', type: 'usage', runId: 'run_1', data: {} },
      { id: 'e4', type: 'text', runId: 'run_1', data: text('Done.')[1] },
    ]
    const conversation = fold(
      said('e9', 'Forgotten.'),
      started('e9'),
      { kind: 'history', events },
      said('e5', 'New.'),
      started('e5'),
    )
    expect(conversation.messages().map((message) => message.content)).toEqual([
      'Old.',
      [{ type: 'text', text: 'Done.' }],
      'New.',
    ])
    expect([conversation.hasRun('run_1'), conversation.knowsMessage('e1'), conversation.knowsMessage('e9')]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('costs the same for the two-thousandth step as for the tenth: the array only grows', () => {
    const conversation = fold(said('e1', 'Go.'), started('e1'))
    const before = conversation.messages()
    for (let step = 1; step <= 2_000; step += 1) {
      for (const [type, data] of [thinking(step), call(`c${step}`), result(`c${step}`, 'ok')]) {
        conversation.apply({ kind: 'event', event: { n: step, type, runId: 'run_1', at: '', data } })
      }
    }
    expect(conversation.messages()).toBe(before)
    expect(before).toHaveLength(4_001)
  })
})
