import { describe, expect, it } from 'vitest'
import { applyEvents, EMPTY_TRANSCRIPT } from '../../../../app/model/transcript.ts'
import { MAX_LIVE_CHARS } from '../../../../app/model/transcript-deltas.ts'
import type { Transcript } from '../../../../app/model/transcript-types.ts'
import type { EventView } from '../../../../lib/services/agent/schemas.ts'

let seq = 0
function stored(type: string, data: Record<string, unknown>, runId: string | null = 'run-1'): EventView {
  seq += 1
  return { seq, type, runId, createdAt: new Date(1_700_000_000_000 + seq * 1000).toISOString(), data }
}
function delta(type: string, messageId: string, offset: number, text: string): EventView {
  const data = { messageId, offset, delta: text }
  return { seq: 0, type, runId: 'run-1', createdAt: '2026-01-01T00:00:00.000Z', data }
}
function fold(...events: EventView[]): Transcript {
  return applyEvents(EMPTY_TRANSCRIPT, events)
}
function message(text = 'Fix the bug'): EventView {
  return stored('message', { text, from: null })
}
const call = (toolCallId: string, tool: string, input: unknown) =>
  stored('tool_call', { step: 1, toolCallId, tool, input })
const result = (toolCallId: string, tool: string) =>
  stored('tool_result', { step: 1, toolCallId, tool, outcome: 'ok', output: 'all of it', durationMs: 5 })
const done = (reason = 'completed', runId = 'run-1') =>
  stored('done', { reason, steps: 2, inputTokens: 10, outputTokens: 5, durationMs: 900, summary: 'Did it' }, runId)

describe('turns', () => {
  it('opens a turn for each instruction and keeps each run in its own', () => {
    const view = fold(
      message('first'),
      stored('run_started', { inputEventId: 'e', model: 'm', maxSteps: 15, continued: false }),
      done(),
      stored('message', { text: 'second', from: { userId: 'u', name: 'Ada' } }, 'run-2'),
      stored('run_started', { inputEventId: 'e', model: 'm', maxSteps: 9, continued: false }, 'run-2'),
    )
    expect(view.turns.map((turn) => [turn.order?.text, turn.runId, turn.end?.reason, turn.maxSteps])).toEqual([
      ['first', 'run-1', 'completed', 15],
      ['second', 'run-2', undefined, 9],
    ])
    expect(view.turns[1]?.order?.from).toBe('Ada')
  })

  it('gives the run that follows to an instruction whose event names none', () => {
    const view = fold(
      stored('message', { text: 'go', from: null }, null),
      stored('status', { status: 'STARTING', stage: 'container' }, null),
      stored('thinking', { step: 1, maxSteps: 15, tokensUsed: 0, maxTokens: null }),
    )
    expect(view.turns).toHaveLength(1)
    expect(view.turns[0]).toMatchObject({ runId: 'run-1', step: 1 })
  })

  it('keeps the place of the end among what came before and after it', () => {
    const view = fold(
      message(),
      stored('text', { step: 1, messageId: 'm1', text: 'Done.' }),
      done(),
      stored('pull_request', { action: 'opened', number: 1 }),
    )
    expect(view.turns[0]?.end?.position).toBe(1)
    expect(view.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['text', 'pull_request'])
  })

  it('keeps the first end of a run', () => {
    expect(fold(message(), done('cancelled'), done('completed')).turns[0]?.end?.reason).toBe('cancelled')
  })

  it('sums cost and lines of the run', () => {
    const change = { path: 'a.ts', change: 'modified', additions: 3, deletions: 1, diff: '', truncated: false }
    const usage = { model: 'm', inputTokens: 1, outputTokens: 1, modelCallId: 'c', complete: true }
    const view = fold(
      message(),
      stored('usage', { ...usage, costUsd: 0.25 }),
      stored('usage', { ...usage, costUsd: null }),
      stored('usage', { ...usage, costUsd: 0.5 }),
      stored('file_change', change),
      stored('file_change', change),
    )
    expect(view.turns[0]).toMatchObject({ costUsd: 0.75, additions: 6, deletions: 2 })
  })
})

describe('events that come again', () => {
  it('changes nothing when a stored event is applied twice', () => {
    const events = [message(), call('c1', 'read_file', {}), result('c1', 'read_file'), done()]
    const once = fold(...events)
    expect(applyEvents(once, events)).toEqual(once)
  })

  it('leaves the earlier transcript and the entries that did not change as they were', () => {
    const before = fold(message(), stored('text', { step: 1, messageId: 'm1', text: 'One' }))
    const kept = structuredClone(before)
    const after = applyEvents(before, [stored('text', { step: 2, messageId: 'm2', text: 'Two' })])
    expect(before).toEqual(kept)
    expect(after.turns[0]?.entries).toHaveLength(2)
    expect(after.turns[0]?.entries[0]).toBe(before.turns[0]?.entries[0])
  })

  it('reads past a type that it does not know', () => {
    const view = fold(message(), stored('from_the_future', { a: 1 }), stored('constructor', {}))
    expect(view.turns[0]?.entries).toEqual([])
    expect(view.lastSeq).toBe(seq)
  })
})

describe('text as it is written', () => {
  it('joins deltas by offset without doubling and gives way to the stored text', () => {
    const live = fold(
      message(),
      delta('text_delta', 'm1', 0, 'Hello '),
      delta('text_delta', 'm1', 0, 'Hello wor'),
      delta('text_delta', 'm1', 9, 'ld'),
    )
    expect(live.turns[0]?.entries).toMatchObject([{ kind: 'text', state: 'live', text: { text: 'Hello world' } }])
    const whole = applyEvents(live, [stored('text', { step: 1, messageId: 'm1', text: 'Hello world.' })])
    const late = applyEvents(whole, [delta('text_delta', 'm1', 9, 'ld')])
    expect(late.turns[0]?.entries).toMatchObject([{ state: 'whole', text: { start: 0, text: 'Hello world.' } }])
    expect(late.turns[0]?.entries[0]?.key).toBe(live.turns[0]?.entries[0]?.key)
  })

  it('drops a broken answer when its step begins again, and marks one that the end cut off', () => {
    const broken = fold(message(), delta('text_delta', 'm1', 0, 'Half'))
    const again = applyEvents(broken, [stored('thinking', { step: 1, maxSteps: 15, tokensUsed: 0, maxTokens: null })])
    expect(again.turns[0]?.entries).toEqual([])
    const ended = applyEvents(broken, [done('cancelled'), delta('text_delta', 'm2', 0, 'late')])
    expect(ended.turns[0]?.entries).toMatchObject([{ state: 'cut', text: { text: 'Half' } }])
  })
})

describe('words during a run', () => {
  const said = (text: string) => stored('message', { text, from: { userId: 'u', name: 'Ada' } })
  const broke = (code: string, ...ids: string[]) => stored('error', { code, message: 'm', abandonedMessageIds: ids })

  it('stand where the run heard them, and the run stays one turn', () => {
    const view = fold(
      message(),
      stored('thinking', { step: 1, maxSteps: 15, tokensUsed: 0, maxTokens: null }),
      stored('text', { step: 1, messageId: 'm1', text: 'One' }),
      said('Also the docs'),
      stored('text', { step: 2, messageId: 'm2', text: 'Two' }),
      done(),
    )
    expect(view.turns).toHaveLength(1)
    expect(view.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['text', 'said', 'text'])
    expect(view.turns[0]?.entries[1]).toMatchObject({ text: 'Also the docs', from: 'Ada' })
    expect(view.turns[0]).toMatchObject({ step: 1, order: { text: 'Fix the bug' }, end: { reason: 'completed' } })
  })

  it('that waited for the next run come first in its turn', () => {
    const view = fold(
      message(),
      done('cancelled'),
      ...['later', 'Go on'].map((text) => ({ ...said(text), runId: 'r2' })),
    )
    expect(view.turns.map((turn) => [turn.order?.text, turn.entries.map((entry) => entry.kind)])).toEqual([
      ['Fix the bug', []],
      ['later', ['said']],
    ])
  })

  it('that end a step leave its half-written text as it was, and nothing is written on', () => {
    const view = fold(
      message(),
      delta('text_delta', 'm1', 0, 'Half'),
      broke('step_interrupted', 'm1'),
      said('Stop that'),
    )
    const later = applyEvents(view, [
      delta('text_delta', 'm1', 4, ' more'),
      stored('thinking', { step: 2, maxSteps: 15, tokensUsed: 0, maxTokens: null }),
    ])
    expect(later.turns[0]?.entries).toMatchObject([
      { kind: 'text', state: 'cut', text: { text: 'Half' } },
      { kind: 'interrupted' },
      { kind: 'said' },
    ])
  })

  it('are not in the way of an answer that is asked for again: what broke off is said once more', () => {
    const view = fold(message(), delta('text_delta', 'm1', 0, 'Half'), broke('provider_retry', 'm1'))
    expect(view.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['retried'])
  })

  it('are not pushed away by a model that is asked again and again: one note says how it stands', () => {
    const asked = (message: string) => stored('error', { code: 'provider_retry', message, abandonedMessageIds: [] })
    const waiting = fold(message(), asked('No. Attempt 2 follows in 1 s.'), asked('No. Attempt 3 follows in 2 s.'))
    expect(waiting.turns[0]?.entries).toMatchObject([
      { kind: 'retried', data: { message: 'No. Attempt 3 follows in 2 s.' } },
    ])
    const later = applyEvents(waiting, [
      stored('text', { step: 1, messageId: 'm1', text: 'One' }),
      asked('Again. Attempt 2 follows in 1 s.'),
    ])
    expect(later.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['retried', 'text', 'retried'])
  })
})

describe('tool calls', () => {
  it('joins output that comes before its call, until the result is there', () => {
    const early = fold(message(), delta('tool_output_delta', 'c1', 0, 'line 1\n'))
    const view = applyEvents(early, [
      call('c1', 'run_command', { command: 'make' }),
      delta('tool_output_delta', 'c1', 7, 'line 2\n'),
      delta('tool_output_delta', 'c1', 0, 'line 1\n'),
    ])
    expect(view.turns[0]?.entries).toMatchObject([{ kind: 'tool', liveOutput: { text: 'line 1\nline 2\n' } }])
    expect(view.early).toEqual({})
    const ended = applyEvents(view, [result('c1', 'run_command'), delta('tool_output_delta', 'c1', 7, 'late')])
    expect(ended.turns[0]?.entries).toMatchObject([{ result: { output: 'all of it' }, liveOutput: { start: 0 } }])
  })

  it('keeps the end of an output that is longer than a page can hold', () => {
    const started = fold(message(), call('c1', 'run_command', { command: 'yes' }))
    const view = applyEvents(started, [
      delta('tool_output_delta', 'c1', 0, 'x'.repeat(MAX_LIVE_CHARS)),
      delta('tool_output_delta', 'c1', MAX_LIVE_CHARS, 'end'),
    ])
    const [entry] = view.turns[0]?.entries ?? []
    expect(entry).toMatchObject({ liveOutput: { start: 3 } })
    expect(entry?.kind === 'tool' && entry.liveOutput.text.endsWith('xend')).toBe(true)
  })

  it('puts a change with the call that made it, and a change of no known call on its own', () => {
    const change = { path: 'b.ts', change: 'added', additions: 2, deletions: 0, diff: 'd', truncated: false }
    const view = fold(
      message(),
      call('c1', 'write_file', { path: 'b.ts' }),
      stored('file_change', { ...change, toolCallId: 'c1' }),
      stored('file_change', { ...change, path: 'a.ts', toolCallId: 'unknown' }),
      stored('file_change', { ...change, change: 'modified', additions: 1 }),
    )
    expect(view.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['tool', 'change', 'change'])
    expect(view.turns[0]?.entries[0]).toMatchObject({ changes: [{ path: 'b.ts' }] })
    expect(view.files.map((file) => [file.path, file.change, file.additions, file.changes.length])).toEqual([
      ['a.ts', 'added', 2, 1],
      ['b.ts', 'added', 3, 2],
    ])
  })

  it('shows the plan in the call that wrote it and beside the conversation', () => {
    const tasks = [{ title: 'Write the test', status: 'in_progress' }]
    const view = fold(message(), call('c1', 'update_tasks', { tasks }), stored('task_update', { tasks }))
    expect(view.turns[0]?.entries[0]).toMatchObject({ tool: 'update_tasks', tasks })
    expect(view.tasks).toEqual(tasks)
  })
})

describe('refused hosts', () => {
  it('counts each host and port once in the list, the latest first', () => {
    const refuse = (host: string) =>
      stored('egress_denied', { host, port: 443, rule: 'r', reason: 'not listed', cure: '' })
    const view = fold(message(), refuse('a.example'), refuse('b.example'), refuse('a.example'))
    expect(view.refusals.map((refusal) => [refusal.host, refusal.count])).toEqual([
      ['a.example', 2],
      ['b.example', 1],
    ])
  })
})

describe('a start', () => {
  const starting = (stage: string, percent?: number) => stored('status', { status: 'STARTING', stage, percent }, null)

  it('is one entry with its stages, finished when the agent runs', () => {
    const view = fold(
      message(),
      starting('container'),
      starting('clone', 10),
      starting('clone', 60),
      stored('status', { status: 'RUNNING' }, null),
    )
    const [start] = view.turns[0]?.entries ?? []
    expect(start).toMatchObject({
      kind: 'start',
      outcome: 'ok',
      stages: [{ stage: 'container' }, { stage: 'clone', percent: 60 }],
    })
    expect(view.turns[0]?.entries).toHaveLength(1)
    expect(view.status?.status).toBe('RUNNING')
  })

  it('keeps what is told meanwhile beside its stages', () => {
    const told = { status: 'STARTING', message: 'What was there before lies in .berth-before-1.' }
    const view = fold(
      message(),
      starting('clone'),
      stored('status', told, null),
      starting('model'),
      stored('status', { status: 'RUNNING' }, null),
    )
    expect(view.turns[0]?.entries).toMatchObject([
      { kind: 'start', outcome: 'ok', stages: [{ stage: 'clone' }, { stage: 'model' }] },
      { kind: 'told', data: told },
    ])
  })

  it('that fails keeps the stage, the words and the log; a retry is a new entry', () => {
    const failed = {
      status: 'FAILED',
      stage: 'clone',
      code: 'branch_not_found',
      message: 'No branch',
      logTail: ['git exited with 128'],
    }
    const view = fold(message(), starting('clone'), stored('status', failed, null), starting('clone'))
    expect(view.turns[0]?.entries).toMatchObject([
      { outcome: 'failed', failure: { stage: 'clone', code: 'branch_not_found', logTail: ['git exited with 128'] } },
      { outcome: 'going' },
    ])
  })

  it('shows what its setup script says, and no command of the run takes it', () => {
    const output = (offset: number, text: string) => ({
      ...delta('tool_output_delta', 's1', offset, text),
      runId: null,
    })
    const view = fold(message(), starting('clone'), starting('setup'), output(0, 'npm '), output(4, 'ci'))
    expect(view.turns[0]?.entries).toMatchObject([{ kind: 'start', output: { text: { text: 'npm ci' } } }])
    expect(view.early).toEqual({})
    const failed = { status: 'FAILED', stage: 'setup', code: 'start_failed', message: 'm', logTail: ['boom'] }
    const ended = applyEvents(view, [stored('status', failed, null), output(6, 'late')])
    expect(ended.turns[0]?.entries).toMatchObject([
      { outcome: 'failed', failure: { stage: 'setup', logTail: ['boom'] }, output: { text: { text: 'npm ci' } } },
    ])
  })

  it('notes that it fell asleep, what has to be decided and what was', () => {
    const status = (data: Record<string, unknown>) => stored('status', data, null)
    const view = fold(
      message(),
      status({ status: 'READY' }),
      status({ status: 'SLEEPING' }),
      status({ status: 'READY', code: 'workspace_lost', message: 'The workspace is empty.' }),
    )
    expect(view.turns[0]?.entries.map((entry) => entry.kind)).toEqual(['asleep', 'told'])
  })

  it('says that the container went only when there was one', () => {
    const idle = () => stored('status', { status: 'IDLE' }, null)
    expect(fold(message(), idle()).turns[0]?.entries).toEqual([])
    const view = fold(message(), stored('status', { status: 'STOPPING' }, null), idle())
    expect(view.turns[0]?.entries).toMatchObject([{ kind: 'stopped' }])
  })
})

it('folds a long log in linear time', () => {
  const order = message()
  const events = Array.from({ length: 20_000 }, (_, index) =>
    stored('text', { step: 1, messageId: `m${index}`, text: 'words' }),
  )
  const texts = fold(order, ...events).turns[0]?.entries
  expect(texts).toHaveLength(20_000)
})
