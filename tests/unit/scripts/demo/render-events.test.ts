import { expect, test } from 'vitest'
import type { EventView } from '../../../../lib/services/agent/schemas.ts'
import { createEventRenderer } from '../../../../scripts/demo/render-events.ts'

let seq = 0
const event = (type: string, data: Record<string, unknown>): EventView => ({
  seq: type.endsWith('_delta') ? 0 : ++seq,
  type,
  runId: 'run_1',
  createdAt: '2026-01-01T00:00:00.000Z',
  data,
})

function render(events: EventView[], options: { colour?: boolean; maxLines?: number } = {}) {
  let screen = ''
  const renderer = createEventRenderer({ write: (text) => (screen += text), colour: false, ...options })
  for (const each of events) renderer.render(each)
  return { screen, totals: renderer.totals() }
}

test('text is shown once, whether it came in pieces, whole, or in pieces that begin in the middle', () => {
  const deltas = [
    event('text_delta', { messageId: 'm', offset: 0, delta: 'one ' }),
    event('text_delta', { messageId: 'm', offset: 4, delta: 'two' }),
  ]
  const whole = event('text', { step: 1, messageId: 'm', text: 'one two three' })
  expect(render([...deltas, whole]).screen).toBe('  one two three')
  expect(render([whole]).screen).toBe('  one two three')
  expect(render([...deltas, ...deltas, whole]).screen).toBe('  one two three')
})

const call = event('tool_call', { step: 1, toolCallId: 'c', tool: 'run_command', input: { command: 'npm test' } })
const ended = (output: string, detail: Record<string, unknown> = {}) =>
  event('tool_result', {
    step: 1,
    toolCallId: 'c',
    tool: 'run_command',
    outcome: 'error',
    output: `Exit code 1 after 1.2 s.\n\n${output}`,
    durationMs: 1234,
    detail: { exitCode: 1, durationMs: 1234, truncated: false, ...detail },
  })

test('a command is shown with its output, live and what came too late for that, and how it ended', () => {
  const { screen } = render([
    event('text', { step: 1, messageId: 'm', text: 'Testing.' }),
    call,
    event('tool_output_delta', { messageId: 'c', offset: 0, delta: 'first\nsec' }),
    event('tool_output_delta', { messageId: 'c', offset: 9, delta: 'ond\n' }),
    ended('first\nsecond\nthird'),
  ])
  expect(screen).toBe(
    '  Testing.\n  ● run_command npm test\n    │ first\n    │ second\n    │ third\n    ✗ exit 1 after 1.2 s\n',
  )
})

test('of a long output the beginning is shown live and the end when it is there', () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`)
  const delta = event('tool_output_delta', { messageId: 'c', offset: 0, delta: `${lines.join('\n')}\n` })
  const { screen } = render([call, delta, ended(lines.join('\n'))], { maxLines: 2 })
  expect(screen).toBe(
    [
      '  ● run_command npm test',
      '    │ line 0',
      '    │ line 1',
      '    │ …',
      '    │ line 14',
      '    │ line 15',
      '    … 4 more lines',
      '    ✗ exit 1 after 1.2 s',
      '',
    ].join('\n'),
  )
})

test('an end of a message that brings nothing new shows nothing', () => {
  const text = event('text_delta', { messageId: 'm', offset: 0, delta: 'Done.' })
  const usage = event('usage', { model: 'm', inputTokens: 1, outputTokens: 1, costUsd: 0 })
  const { screen } = render([text, usage, event('text', { step: 1, messageId: 'm', text: 'Done.' })])
  expect(screen).toBe('  Done.\n  1 in, 1 out, $0.0000\n')
})

test('long output is cut once', () => {
  const delta = 'x\n'.repeat(10)
  const { screen } = render(
    [
      event('tool_output_delta', { messageId: 'c', offset: 0, delta }),
      event('tool_output_delta', { messageId: 'c', offset: 20, delta }),
    ],
    { maxLines: 3 },
  )
  expect(screen).toBe('    │ x\n    │ x\n    │ x\n    │ …\n')
})

test('a failed tool shows what the model is told', () => {
  const data = { step: 1, toolCallId: 'c', tool: 'read_file', outcome: 'error', output: 'no such file', durationMs: 1 }
  expect(render([event('tool_result', data)]).screen).toBe('    │ no such file\n    ✗ error\n')
})

test('a file change is a diff, green and red where there is colour', () => {
  const change = event('file_change', {
    path: 'a.js',
    change: 'modified',
    additions: 1,
    deletions: 1,
    diff: '@@ -1 +1 @@\n-a\n+b\n',
    truncated: false,
  })
  expect(render([change]).screen).toBe('  ± a.js +1 -1\n    @@ -1 +1 @@\n    -a\n    +b\n')
  expect(render([change], { colour: true }).screen).toContain('\u001b[32m+b\u001b[0m\n')
})

test('costs are summed over the model calls', () => {
  const usage = { model: 'm', inputTokens: 1000, outputTokens: 10, costUsd: 0.002 }
  const { screen, totals } = render([event('usage', usage), event('usage', { ...usage, costUsd: null })])
  expect(screen).toBe('  1000 in, 10 out, $0.0020\n  1000 in, 10 out, cost unknown\n')
  expect(totals).toEqual({ costUsd: 0.002, inputTokens: 2000, outputTokens: 20, modelCalls: 2 })
})

test('a state is shown when it changes, not at each percent', () => {
  const clone = (percent: number) => event('status', { status: 'STARTING', stage: 'clone', percent })
  expect(render([clone(1), clone(50), event('status', { status: 'RUNNING' })]).screen).toBe(
    '  starting: clone\n  running\n',
  )
})

test('refusals, errors, pull requests and the end each have a line, and unknown events none', () => {
  const { screen } = render([
    event('egress_denied', { host: 'evil.example', port: 443, rule: 'x', reason: 'not allowed', cure: 'Add it.' }),
    event('error', { code: 'event_rejected', message: 'too large' }),
    event('pull_request', { action: 'opened', number: 1, url: 'http://x/1', title: 't' }),
    event('done', { reason: 'completed', steps: 3 }),
    event('from_the_future', {}),
  ])
  expect(screen).toBe(
    [
      '  ⛔ evil.example:443 refused: not allowed. Add it.',
      '  ✗ event_rejected: too large',
      '  ⇄ pull request opened http://x/1',
      '',
      '── run ended: completed after 3 steps ──────────────────────',
      '',
    ].join('\n'),
  )
})
