import { describe, expect, it } from 'vitest'
import type { AgentStatus } from '../../../../lib/domain/agent.ts'
import { nextStep } from '../../../../lib/domain/next-step.ts'

type Input = Parameters<typeof nextStep>[0]

function input(status: AgentStatus, changes: Partial<Input> & Partial<Input['agent']> = {}): Input {
  const { desired = null, needs = null, undeliveredRunId = null, deliveryAskedAt = null, ...rest } = changes
  return {
    agent: { status, desired, needs, undeliveredRunId, deliveryAskedAt },
    openRun: null,
    connected: false,
    unsaid: false,
    ...rest,
  }
}

const pending = { status: 'PENDING', cancelRequestedAt: null } as const
const running = { status: 'RUNNING', cancelRequestedAt: null } as const
const asked = new Date(0)
const undelivered = { undeliveredRunId: 'run_1' }

describe('the next step of an agent', () => {
  it.each([
    ['a wish to purge comes before everything', input('RUNNING', { desired: 'purged', openRun: running }), 'purge'],
    ['a wish to stop comes before the run', input('RUNNING', { desired: 'stopped', openRun: running }), 'take_down'],
    ['a pending run is begun', input('STARTING', { openRun: pending }), 'begin'],
    ['a pending run is begun on a live container', input('RUNNING', { openRun: pending, connected: true }), 'begin'],
    [
      'a pending run that is not wanted any more is ended',
      input('STARTING', { openRun: { ...pending, cancelRequestedAt: asked } }),
      'end_pending',
    ],
    ['a run out of reach is attached to', input('RUNNING', { openRun: running }), 'attach'],
    ['a run in reach is left alone', input('RUNNING', { openRun: running, connected: true }), 'rest'],
    [
      'a run is cancelled when asked',
      input('RUNNING', { openRun: { ...running, cancelRequestedAt: asked }, connected: true }),
      'cancel',
    ],
    ['what a run left is delivered', input('RUNNING', { ...undelivered, connected: true }), 'deliver'],
    ['what a run left is delivered after a restart too', input('RUNNING', undelivered), 'deliver'],
    [
      'what a run left is delivered before the next begins',
      input('RUNNING', { ...undelivered, openRun: pending }),
      'deliver',
    ],
    [
      'what a run left is not delivered when it is to stop',
      input('STOPPING', { ...undelivered, desired: 'stopped' }),
      'take_down',
    ],
    ['a failed agent whose run waits for the engine begins it', input('FAILED', { openRun: pending }), 'begin'],
    ['a container is woken without a run', input('STARTING'), 'attach'],
    ['a waiting container is attached to', input('READY'), 'attach'],
    ['a waiting container in reach rests', input('READY', { connected: true }), 'rest'],
    [
      'a pending run waits for a decision',
      input('READY', { needs: 'divergence', openRun: pending, connected: true }),
      'rest',
    ],
    [
      'what waits long for a decision is put to sleep',
      input('READY', { needs: 'divergence', desired: 'asleep', openRun: pending, connected: true }),
      'sleep',
    ],
    ['what waits for a decision asleep rests', input('SLEEPING', { needs: 'divergence', openRun: pending }), 'rest'],
    [
      'a run that waits for a decision can be cancelled',
      input('READY', { needs: 'divergence', openRun: { ...pending, cancelRequestedAt: asked } }),
      'end_pending',
    ],
    [
      'a run is told of words that wait',
      input('RUNNING', { openRun: running, connected: true, unsaid: true }),
      'attend',
    ],
    [
      'a run that is to end is not told of words',
      input('RUNNING', { openRun: { ...running, cancelRequestedAt: asked }, connected: true, unsaid: true }),
      'cancel',
    ],
    ['a pull request is made when asked', input('READY', { deliveryAskedAt: asked, connected: true }), 'deliver_asked'],
    ['a container is attached to for a pull request', input('READY', { deliveryAskedAt: asked }), 'attach'],
    ['a container is woken for a pull request', input('STARTING', { deliveryAskedAt: asked }), 'attach'],
    [
      'a pull request that is waited for comes before sleep',
      input('READY', { deliveryAskedAt: asked, desired: 'asleep', connected: true }),
      'deliver_asked',
    ],
    [
      'what the run left is delivered first',
      input('RUNNING', { ...undelivered, deliveryAskedAt: asked, connected: true }),
      'deliver',
    ],
    ['a waiting container is put to sleep', input('READY', { desired: 'asleep', connected: true }), 'sleep'],
    [
      'a run that came comes before sleep',
      input('RUNNING', { desired: 'asleep', openRun: pending, connected: true }),
      'begin',
    ],
    ['an idle agent rests', input('IDLE'), 'rest'],
    ['a failed agent rests until it is told something', input('FAILED'), 'rest'],
    ['a sleeping agent rests', input('SLEEPING'), 'rest'],
  ] as const)('%s', (_words, given, step) => {
    expect(nextStep(given)).toBe(step)
  })
})
