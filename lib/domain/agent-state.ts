/**
 * What an agent may be told in each state: one pure function, asked under the agent's row lock. Knows nothing of who asks
 * or of how it is done.
 */
import type { ErrorCode } from '../errors.ts'
import type { Agent, Run } from './agent.ts'

export type AgentCommand =
  | { name: 'start' }
  | { name: 'resume'; newTask: string | null }
  | { name: 'chat' }
  | { name: 'cancel' }
  | { name: 'stop' }
  | { name: 'purge' }
  | { name: 'pull_request' }

export interface AgentSituation {
  agent: Pick<Agent, 'status' | 'task'>
  /** The run that has not ended; at most one. */
  openRun: Pick<Run, 'id' | 'task'> | null
  /** The latest run, ended or not. */
  lastRun: Pick<Run, 'id' | 'task' | 'startedAt'> | null
}

export type Decision =
  /** A new run on `task`. */
  | { do: 'run'; task: string }
  /** A container without a run. */
  | { do: 'wake' }
  /** It is so already, or under way: answer with what is there. */
  | { do: 'join' }
  | { do: 'cancel' }
  | { do: 'stop' }
  | { do: 'purge' }
  | { do: 'deliver' }
  | { do: 'refuse'; code: ErrorCode; message: string; hint: string }

/** Names of the commands that would be taken in this situation; for the words of a refusal. */
export function allowedCommands(situation: AgentSituation): string[] {
  const commands: AgentCommand[] = [
    { name: 'start' },
    { name: 'resume', newTask: 'another task' },
    { name: 'chat' },
    { name: 'cancel' },
    { name: 'stop' },
    { name: 'pull_request' },
  ]
  const names: string[] = commands
    .filter((command) => {
      const decision = decide(command, situation).do
      return decision !== 'refuse' && decision !== 'join'
    })
    .map((command) => command.name)
  return [...names, 'delete']
}

/** Decides what a command does in a situation. Pure. */
export function decide(command: AgentCommand, situation: AgentSituation): Decision {
  switch (command.name) {
    case 'start':
      return decideStart(situation)
    case 'resume':
      return decideResume(command.newTask, situation)
    case 'chat':
      return decideChat(situation)
    case 'cancel':
      if (situation.openRun) return { do: 'cancel' }
      if (situation.lastRun) return { do: 'join' }
      return refuse('state_conflict', 'There is no run to cancel: the agent was never started.', 'Start it first.')
    case 'stop':
      return situation.agent.status === 'IDLE' && !situation.openRun ? { do: 'join' } : { do: 'stop' }
    case 'purge':
      return { do: 'purge' }
    case 'pull_request':
      return decidePullRequest(situation)
  }
}

function decideStart({ agent, openRun, lastRun }: AgentSituation): Decision {
  if (openRun) return { do: 'join' }
  if (agent.status === 'STOPPING') return stopping()
  if (!lastRun) return { do: 'run', task: agent.task }
  // A start that failed before the model was asked is tried again with the same words.
  if (agent.status === 'FAILED' && lastRun.startedAt === null) return { do: 'run', task: lastRun.task }
  return agent.status === 'READY' ? { do: 'join' } : { do: 'wake' }
}

function decideResume(newTask: string | null, { agent, openRun, lastRun }: AgentSituation): Decision {
  if (openRun) {
    if (newTask === null || newTask === openRun.task) return { do: 'join' }
    return refuse(
      'run_in_progress',
      'A run is in progress, so a new task cannot begin.',
      'Wait until it ends, or cancel it, then send it again.',
    )
  }
  if (agent.status === 'STOPPING') return stopping()
  if (!lastRun) {
    return refuse('state_conflict', 'The agent was never started, so there is nothing to resume.', 'Start it first.')
  }
  if (newTask !== null) return { do: 'run', task: newTask }
  if (agent.status === 'FAILED' && lastRun.startedAt === null) return { do: 'run', task: lastRun.task }
  return refuse(
    'validation_failed',
    'No run is in progress to join, and "newTask" is missing.',
    'Send {"newTask": "..."}.',
  )
}

function decideChat({ agent, openRun, lastRun }: AgentSituation): Decision {
  if (openRun) {
    return refuse(
      'not_built_yet',
      'A run is in progress, and speaking to a running agent is not built yet.',
      'Wait until the run ends or cancel it, then send the message again.',
    )
  }
  if (!lastRun) return refuse('state_conflict', 'The agent was never started.', 'Start it first.')
  if (agent.status === 'STOPPING') return stopping()
  return { do: 'run', task: '' }
}

function decidePullRequest({ agent, openRun, lastRun }: AgentSituation): Decision {
  if (openRun) {
    return refuse(
      'run_in_progress',
      'A run is in progress, so its work cannot be delivered yet.',
      'Wait until it ends or cancel it.',
    )
  }
  if (agent.status === 'STOPPING') return stopping()
  if (!lastRun) return refuse('state_conflict', 'The agent was never started, so it has no work.', 'Start it first.')
  return { do: 'deliver' }
}

function stopping(): Decision {
  return refuse('state_conflict', 'The agent is stopping.', 'Wait until its status is IDLE, then try again.')
}

function refuse(code: ErrorCode, message: string, hint: string): Decision {
  return { do: 'refuse', code, message, hint }
}
