/**
 * What stands in and beside the composer in each state of an agent.
 * Owns: those words. Must not know: React, what is sent.
 */
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import type { Possible } from './live-agent.ts'

export interface ComposerWords {
  placeholder: string
  /** Beside the buttons; empty where there is nothing to say. */
  said: string
}

export function composerWords(
  agent: Pick<AgentView, 'status' | 'run'>,
  possible: Possible,
  waiting: number,
): ComposerWords {
  return { placeholder: placeholderOf(agent, possible), said: sayWhy(agent, possible, waiting) }
}

function placeholderOf({ status }: Pick<AgentView, 'status'>, possible: Possible): string {
  if (possible.queue && status === 'FAILED') return 'Say more to it before it begins'
  if (possible.queue) return 'Say something to it while it works'
  if (status === 'FAILED') return 'Or give it another instruction'
  if (status === 'SLEEPING' || status === 'IDLE') return 'Tell it what to do next; its files are kept'
  return 'Tell the agent what to do next'
}

function sayWhy(agent: Pick<AgentView, 'status' | 'run'>, possible: Possible, waiting: number): string {
  if (agent.status === 'STOPPING') return 'It is being stopped.'
  if (agent.run === null && possible.start) return 'Not started yet.'
  if (possible.queue) return possible.interrupt ? '' : 'Read when its first step begins.'
  if (waiting > 0) return 'What is queued is read first.'
  if (agent.status === 'SLEEPING') return 'Stopped after idle time. An instruction wakes it.'
  return ''
}
