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
  /** Words wait for the run, and its bridge was not told. */
  | 'attend'
  /** The run has ended; its work leaves. */
  | 'deliver'
  /** A person waits for the pull request. */
  | 'deliver_asked'
  /** The container is stopped and kept. */
  | 'sleep'
  | 'rest'

export function nextStep(input: {
  agent: Pick<Agent, 'status' | 'desired' | 'needs' | 'undeliveredRunId' | 'deliveryAskedAt'>
  openRun: Pick<Run, 'status' | 'cancelRequestedAt'> | null
  connected: boolean
  /** Words wait that the bridge was not told of. */
  unsaid: boolean
}): Step {
  const { agent, openRun, connected, unsaid } = input
  if (agent.desired === 'purged') return 'purge'
  if (agent.desired === 'stopped') return 'take_down'
  if (openRun?.status === 'PENDING') {
    if (openRun.cancelRequestedAt) return 'end_pending'
    // The work of the run before leaves as it is, before another one goes on from it.
    if (agent.undeliveredRunId !== null) return 'deliver'
    if (agent.needs !== 'divergence') return 'begin'
    // Waits for a person; the container stays as it is meanwhile, unless that takes long.
    return agent.desired === 'asleep' ? 'sleep' : 'rest'
  }
  if (openRun && !connected) return 'attach'
  if (openRun?.cancelRequestedAt) return 'cancel'
  if (openRun) return unsaid ? 'attend' : 'rest'
  if (agent.undeliveredRunId !== null) return 'deliver'
  if (agent.deliveryAskedAt === null && agent.desired === 'asleep') return 'sleep'
  if (agent.status === 'STARTING' || (agent.status === 'READY' && !connected)) return 'attach'
  return agent.status === 'READY' && agent.deliveryAskedAt !== null ? 'deliver_asked' : 'rest'
}
