import { expect, it } from 'vitest'
import { describeFailure, endsInItsStart, stageLines } from '../../../../app/model/start-stages.ts'
import { applyEvents, EMPTY_TRANSCRIPT } from '../../../../app/model/transcript.ts'
import type { StartEntry } from '../../../../app/model/transcript-types.ts'

const at = (second: number) => new Date(second * 1000).toISOString()
const start: StartEntry = {
  kind: 'start',
  key: 's',
  at: at(0),
  message: '',
  output: null,
  outcome: 'going',
  failure: null,
  stages: [
    { stage: 'container', startedAt: at(0), endedAt: at(0.2), percent: null },
    { stage: 'clone', startedAt: at(0.2), endedAt: null, percent: 61.6 },
  ],
}

it('shows what is done with its time, what goes on, and what lies ahead', () => {
  expect(stageLines(start, true).map((line) => [line.title, line.look, line.words])).toEqual([
    ['Container', 'ok', '0.2 s'],
    ['Clone', 'now', '62 %,'],
    ['Setup', 'later', 'next'],
    ['Model', 'later', 'next'],
  ])
})

it('marks the stage that failed and those that were not reached', () => {
  const failed = stageLines({ ...start, outcome: 'failed' }, true)
  expect(failed.map((line) => line.look)).toEqual(['ok', 'bad', 'later', 'later'])
  expect(failed.at(-1)?.words).toBe('not reached')
})

it('names setup only where there is a script, or it happened', () => {
  expect(stageLines(start, false).map(({ stage }) => stage)).toEqual(['container', 'clone', 'model'])
})

it('shows only what happened of a start that went well', () => {
  expect(stageLines({ ...start, outcome: 'ok' }, true)).toHaveLength(2)
})

it('names the cause where the code is known, else the stage', () => {
  expect(describeFailure('branch_not_found', 'clone')).toBe('The source branch does not exist')
  expect(describeFailure('start_failed', 'setup')).toBe('The setup script failed')
  expect(describeFailure('start_failed', 'bridge')).toBe('The start failed at “Bridge”')
  expect(describeFailure('', null)).toBe('The start failed')
})

it('has said all of a run that ended in it, and nothing of one that ended later', () => {
  const turnOf = (...events: [type: string, data: Record<string, unknown>][]) => {
    const log = events.map(([type, data], index) => ({ seq: index + 1, type, runId: 'r', createdAt: at(index), data }))
    const [turn] = applyEvents(EMPTY_TRANSCRIPT, log).turns
    if (turn === undefined) throw new Error('The log has no turn.')
    return turn
  }
  const starting: [string, Record<string, unknown>] = ['status', { status: 'STARTING', stage: 'clone' }]
  const figures = { steps: 0, inputTokens: 0, outputTokens: 0, durationMs: 0 }
  const done = (message: string): [string, Record<string, unknown>] => [
    'done',
    { reason: 'failed', message, ...figures },
  ]
  const failed: [string, Record<string, unknown>] = [
    'status',
    { status: 'FAILED', stage: 'clone', message: 'No branch.' },
  ]
  expect(endsInItsStart(turnOf(starting, done('No branch.'), failed))).toBe(true)
  expect(endsInItsStart(turnOf(starting, ['status', { status: 'RUNNING' }], done('No branch.')))).toBe(false)
  expect(endsInItsStart(turnOf(starting, failed))).toBe(false)
  expect(endsInItsStart(turnOf(starting, done('Something else.'), failed))).toBe(false)
})
