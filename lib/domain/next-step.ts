/**
 * What has to be done so that an agent's sandbox is as its row says. Pure: asked again after every step, until it answers
 * `rest`. What is under way when a process dies is found again by the same question.
 */
import type { Agent, Run } from './agent.ts'

export type Step =
  | 'purge'
  | 'take_down'
  /** A pending run whose cancellation was asked for before the bridge had it. */
  | 'end_pending'
  /** Sandbox, clone, then the run. */
  | 'begin'
  /** The run (or the waiting container) is there, the connection is not. */
  | 'attach'
  | 'cancel'
  /** The run has ended; its work leaves. */
  | 'deliver'
  | 'rest'

export function nextStep(input: {
  agent: Pick<Agent, 'status' | 'desired'>
  openRun: Pick<Run, 'status' | 'cancelRequestedAt'> | null
  connected: boolean
}): Step {
  const { agent, openRun, connected } = input
  if (agent.desired === 'purged') return 'purge'
  if (agent.desired === 'stopped') return 'take_down'
  if (openRun?.status === 'PENDING') return openRun.cancelRequestedAt ? 'end_pending' : 'begin'
  if (openRun && !connected) return 'attach'
  if (openRun) return openRun.cancelRequestedAt ? 'cancel' : 'rest'
  if (agent.status === 'RUNNING') return 'deliver'
  if (agent.status === 'STARTING' || (agent.status === 'READY' && !connected)) return 'attach'
  return 'rest'
}
