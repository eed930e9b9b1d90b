import { expect, it } from 'vitest'
import { overlayStatus, possibleIn } from '../../../../app/model/live-agent.ts'
import { applyEvents, EMPTY_TRANSCRIPT } from '../../../../app/model/transcript.ts'
import { makeAgentView, makeRunView } from '../../../support/agent-view.ts'

const status = (seq: number, data: Record<string, unknown>) =>
  applyEvents(EMPTY_TRANSCRIPT, [{ seq, type: 'status', runId: null, createdAt: '2026-01-01T00:00:00Z', data }])

it('takes the state of the log where the log is ahead of the answer', () => {
  const agent = makeAgentView({ status: 'IDLE', lastSeq: 4 })
  const starting = overlayStatus(agent, status(5, { status: 'STARTING', stage: 'clone', percent: 40 }))
  expect(starting).toMatchObject({ status: 'STARTING', statusDetail: { stage: 'clone', percent: 40 } })
})

it('takes the answer where the log has not read further, and where it says a state of the future', () => {
  const agent = makeAgentView({ status: 'READY', lastSeq: 9 })
  expect(overlayStatus(agent, status(9, { status: 'RUNNING' }))).toBe(agent)
  expect(overlayStatus(agent, status(10, { status: 'DREAMING' }))).toBe(agent)
})

it('offers in each state what the state allows', () => {
  const offers = (state: Parameters<typeof makeAgentView>[0]) =>
    Object.entries(possibleIn(makeAgentView(state)))
      .filter(([, isPossible]) => isPossible)
      .map(([name]) => name)
  const run = makeRunView()
  expect(offers({ status: 'IDLE' })).toEqual(['start'])
  expect(offers({ status: 'IDLE', run })).toEqual(['instruct', 'pullRequest'])
  const open = makeRunView({ status: 'RUNNING', reason: null })
  const pending = makeRunView({ status: 'PENDING', reason: null })
  expect(offers({ status: 'STARTING', run: pending })).toEqual(['queue', 'cancel', 'stop'])
  expect(offers({ status: 'RUNNING', run: open })).toEqual(['queue', 'interrupt', 'cancel', 'stop'])
  // Its run has ended; its work is being pushed.
  expect(offers({ status: 'RUNNING', run })).toEqual(['instruct', 'stop'])
  expect(offers({ status: 'READY', run })).toEqual(['instruct', 'stop', 'pullRequest'])
  // A decision is waited for.
  expect(offers({ status: 'READY', needs: 'divergence', run: pending })).toEqual(['queue', 'cancel', 'stop'])
  expect(offers({ status: 'SLEEPING', run })).toEqual(['wake', 'instruct', 'stop', 'pullRequest'])
  expect(offers({ status: 'FAILED', run })).toEqual(['start', 'instruct'])
  expect(offers({ status: 'STOPPING', run })).toEqual([])
})
