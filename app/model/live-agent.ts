/**
 * An agent as its page shows it: the last answer of the API, with what the log has said since.
 * Owns: which of the two is newer. Must not know: React, words.
 */
import { type AgentStatus, agentStatuses, type StartStage } from '../../lib/domain/agent.ts'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import type { Transcript } from './transcript-types.ts'

/** The log is ahead of the answer as long as it has read further than the answer knew of. */
export function overlayStatus(agent: AgentView, transcript: Transcript): AgentView {
  const { status } = transcript
  if (status === null || transcript.lastSeq <= agent.lastSeq || !isAgentStatus(status.status)) return agent
  if (status.status !== 'STARTING') return agent.status === status.status ? agent : { ...agent, status: status.status }
  return {
    ...agent,
    status: status.status,
    statusDetail: {
      // A stage that this page does not know is shown by its name.
      ...(status.stage === null ? {} : { stage: status.stage as StartStage }),
      percent: status.percent,
      ...(status.message === null ? {} : { message: status.message }),
    },
  }
}

/** What may be asked of an agent in its state. */
export interface Possible {
  start: boolean
  /** A container without a run. */
  wake: boolean
  /** Words that begin a run. */
  instruct: boolean
  /** Words that wait for the run in progress. */
  queue: boolean
  /** Words that end the step in progress. */
  interrupt: boolean
  cancel: boolean
  stop: boolean
  pullRequest: boolean
}

export function possibleIn(agent: Pick<AgentView, 'status' | 'run'>): Possible {
  const { status } = agent
  const isBusy = status === 'STARTING' || status === 'RUNNING'
  const isUp = status !== 'STOPPING'
  const isOpen = hasOpenRun(agent)
  const isSettled = !isBusy && isUp && !isOpen
  return {
    start: isSettled && (agent.run === null || status === 'FAILED'),
    wake: status === 'SLEEPING' && isSettled,
    instruct: isUp && !isOpen && agent.run !== null,
    queue: isUp && isOpen,
    interrupt: status === 'RUNNING' && isOpen,
    cancel: isUp && isOpen,
    stop: isBusy || status === 'READY' || status === 'SLEEPING',
    pullRequest: isSettled && status !== 'FAILED' && agent.run !== null,
  }
}

/** A run that has not ended: in progress, or waiting for a start or for a person's decision. */
export function hasOpenRun(agent: Pick<AgentView, 'run'>): boolean {
  return agent.run !== null && agent.run.status !== 'ENDED'
}

function isAgentStatus(status: string): status is AgentStatus {
  return (agentStatuses as readonly string[]).includes(status)
}
