import { expect, it } from 'vitest'
import { eventsPerSecond } from '../../../../scripts/bench/benches/events.ts'

const seen = (type: string, atMs: number, seq = 1) => ({
  atMs,
  event: { seq, type, runId: null, createdAt: '2026-01-05T10:00:00.000Z', data: {} },
})

it('events are counted from the first call to the last result, without what is not stored', () => {
  const events = [
    seen('thinking', 0),
    seen('tool_call', 1_000),
    seen('tool_output_delta', 1_100, 0),
    seen('task_update', 1_200),
    seen('tool_result', 1_500),
    seen('done', 9_000),
  ]
  expect(eventsPerSecond(events)).toBe(4)
})

it('without a flood there is no rate', () => {
  expect(() => eventsPerSecond([seen('thinking', 0), seen('done', 9)])).toThrow('No flood was seen.')
})
