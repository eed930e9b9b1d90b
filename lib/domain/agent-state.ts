/**
 * What an agent may be told in each state: one pure function, asked under the agent's row lock. Knows nothing of who asks
 * or of how it is done.
 */
import type { ErrorCode } from '../errors.ts'
import type { Agent, AgentStatus, DivergenceChoice, QueuedMessage, Run } from './agent.ts'

export type AgentCommand =
  | { name: 'start' }
  | { name: 'resume'; newTask: string | null }
  | { name: 'chat'; mode: QueuedMessage['mode'] }
  | { name: 'cancel' }
  /** Said by nobody: the agent has been idle for long enough. */
  | { name: 'sleep' }
  | { name: 'stop' }
  | { name: 'purge' }
  | { name: 'pull_request' }
  | { name: 'resolve'; choice: DivergenceChoice }

export interface AgentSituation {
  agent: Pick<Agent, 'status' | 'task' | 'desired' | 'needs' | 'divergence'>
  /** The run that has not ended; at most one. */
  openRun: Pick<Run, 'id' | 'task' | 'cancelRequestedAt'> | null
  /** The latest run, ended or not. */
  lastRun: Pick<Run, 'id' | 'task' | 'startedAt'> | null
}

export type Decision =
  /** A new run on `task`. */
  | { do: 'run'; task: string }
  /** The words wait for the run in progress. */
  | { do: 'queue'; interrupt: boolean }
  /** A container without a run. */
  | { do: 'wake' }
  /** It is so already, or under way: answer with what is there. */
  | { do: 'join' }
  | { do: 'cancel' }
  | { do: 'sleep' }
  | { do: 'stop' }
  | { do: 'purge' }
  | { do: 'deliver' }
  | { do: 'resolve' }
  | { do: 'refuse'; code: ErrorCode; message: string; hint: string }

/** Routes of the commands that would be taken in this situation; for the words of a refusal. */
export function allowedCommands(situation: AgentSituation): string[] {
  const commands: [route: string, command: AgentCommand][] = [
    ['start', { name: 'start' }],
    ['resume', { name: 'resume', newTask: 'another task' }],
    ['chat', { name: 'chat', mode: 'queue' }],
    ['cancel', { name: 'cancel' }],
    ['stop', { name: 'stop' }],
    ['pull-request', { name: 'pull_request' }],
  ]
  const routes = commands
    .filter(([, command]) => {
      const decision = decide(command, situation).do
      return decision !== 'refuse' && decision !== 'join'
    })
    .map(([route]) => route)
  const { needs, desired } = situation.agent
  if (needs === 'divergence' && desired !== 'purged') routes.push('divergence')
  return [...routes, 'delete']
}

/** Decides what a command does in a situation. Pure. */
export function decide(command: AgentCommand, situation: AgentSituation): Decision {
  if (situation.agent.desired === 'purged') return decideWhilePurged(command)
  switch (command.name) {
    case 'start':
      return decideStart(situation)
    case 'resume':
      return decideResume(command.newTask, situation)
    case 'chat':
      return decideChat(command.mode, situation)
    case 'cancel':
      if (situation.openRun) return { do: 'cancel' }
      if (situation.lastRun) return { do: 'join' }
      return refuse('state_conflict', 'There is no run to cancel: the agent was never started.', 'Start it first.')
    case 'sleep':
      return decideSleep(situation)
    case 'stop':
      return situation.agent.status === 'IDLE' && !situation.openRun ? { do: 'join' } : { do: 'stop' }
    case 'purge':
      return { do: 'purge' }
    case 'pull_request':
      return decidePullRequest(situation)
    case 'resolve':
      return decideResolve(command.choice, situation)
  }
}

/** What is to be removed takes no other wish; its end is tried until it succeeds. */
function decideWhilePurged(command: AgentCommand): Decision {
  if (command.name === 'purge') return { do: 'purge' }
  if (command.name === 'stop' || command.name === 'sleep') return { do: 'join' }
  return refuse(
    'state_conflict',
    'The agent is being deleted.',
    'Nothing has to be done; its removal goes on by itself.',
  )
}

/** Up, or on its way there. */
const UP: readonly AgentStatus[] = ['STARTING', 'RUNNING', 'READY']

function decideStart({ agent, openRun, lastRun }: AgentSituation): Decision {
  if (agent.status === 'STOPPING') return stopping()
  if (openRun) return joinOpenRun(agent, openRun)
  if (!lastRun) return { do: 'run', task: agent.task }
  // A start that ended before the model was asked is tried again with the same words.
  const isStart = agent.status === 'FAILED' || lastRun.task === agent.task
  if (isStart && lastRun.startedAt === null) return { do: 'run', task: lastRun.task }
  return UP.includes(agent.status) && agent.desired === null ? { do: 'join' } : { do: 'wake' }
}

/** One that waits for what is missing is tried at once: the person who asks may have brought it back. */
function joinOpenRun(
  { status }: AgentSituation['agent'],
  { cancelRequestedAt }: NonNullable<AgentSituation['openRun']>,
): Decision {
  if (cancelRequestedAt !== null) return cancelling()
  return { do: status === 'FAILED' ? 'wake' : 'join' }
}

function decideResume(newTask: string | null, { agent, openRun, lastRun }: AgentSituation): Decision {
  if (agent.status === 'STOPPING') return stopping()
  if (openRun) {
    if (openRun.cancelRequestedAt !== null) return cancelling()
    if (newTask === null || newTask === openRun.task) return joinOpenRun(agent, openRun)
    if (agent.needs === 'divergence') return undecided()
    return refuse(
      'run_in_progress',
      'A run is in progress, so a new task cannot begin.',
      'Say it to the run with chat, wait until the run ends, or cancel it.',
    )
  }
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

function decideChat(mode: QueuedMessage['mode'], { agent, openRun, lastRun }: AgentSituation): Decision {
  if (agent.status === 'STOPPING') return stopping()
  if (openRun) {
    return openRun.cancelRequestedAt === null ? { do: 'queue', interrupt: mode === 'interrupt' } : cancelling()
  }
  if (!lastRun) return refuse('state_conflict', 'The agent was never started.', 'Start it first.')
  return { do: 'run', task: '' }
}

/**
 * Only what has nothing to do, or waits for a person to decide: a decision needs no container. Asked again under the lock, since
 * words may have come meanwhile.
 */
function decideSleep({ agent, openRun }: AgentSituation): Decision {
  const waits = agent.needs === 'divergence' || (agent.needs === null && openRun === null)
  return agent.status === 'READY' && agent.desired === null && waits ? { do: 'sleep' } : { do: 'join' }
}

function decidePullRequest({ agent, openRun, lastRun }: AgentSituation): Decision {
  if (agent.status === 'STOPPING') return stopping()
  if (openRun) {
    return refuse(
      'run_in_progress',
      'A run is in progress, so its work cannot be delivered yet.',
      'Wait until it ends or cancel it.',
    )
  }
  if (!lastRun) return refuse('state_conflict', 'The agent was never started, so it has no work.', 'Start it first.')
  return { do: 'deliver' }
}

function decideResolve(choice: DivergenceChoice, { agent }: AgentSituation): Decision {
  const { needs, divergence } = agent
  if (needs !== 'divergence' || divergence === null) {
    if (divergence?.choice === choice) return { do: 'join' }
    return refuse('state_conflict', 'Nothing has to be decided for this agent.', 'Go on with resume or chat.')
  }
  if (divergence.choices.includes(choice)) return { do: 'resolve' }
  return refuse(
    'validation_failed',
    `"${choice}" is no choice here: ${divergence.message}`,
    `Choose ${divergence.choices.map((name) => `"${name}"`).join(' or ')}.`,
  )
}

function stopping(): Decision {
  return refuse('state_conflict', 'The agent is stopping.', 'Wait until its status is IDLE, then try again.')
}

function cancelling(): Decision {
  return refuse('state_conflict', 'The run is being cancelled.', 'Wait until it has ended, then send it again.')
}

function undecided(): Decision {
  return refuse(
    'state_conflict',
    'A run waits for your decision, so a new task cannot begin.',
    'Decide what to do about the divergence, or cancel the run.',
  )
}

function refuse(code: ErrorCode, message: string, hint: string): Decision {
  return { do: 'refuse', code, message, hint }
}
