import { describe, expect, it } from 'vitest'
import {
  type Agent,
  type AgentStatus,
  agentStatuses,
  type Divergence,
  divergenceChoices,
} from '../../../../lib/domain/agent.ts'
import {
  type AgentCommand,
  type AgentSituation,
  allowedCommands,
  type Decision,
  decide,
} from '../../../../lib/domain/agent-state.ts'

const started = { id: 'run_1', task: 'first task', startedAt: new Date(0), cancelRequestedAt: null }
const neverStarted = { ...started, startedAt: null }

const runs = {
  none: { openRun: null, lastRun: null },
  open: { openRun: started, lastRun: started },
  cancelling: { openRun: { ...started, cancelRequestedAt: new Date(0) }, lastRun: started },
  ended: { openRun: null, lastRun: started },
  'ended before it began': { openRun: null, lastRun: neverStarted },
  'resumed, ended before it began': { openRun: null, lastRun: { ...neverStarted, task: 'second task' } },
} satisfies Record<string, Omit<AgentSituation, 'agent'>>
type Runs = keyof typeof runs

function situation(status: AgentStatus, of: Runs, desired: Agent['desired'] = null): AgentSituation {
  return { agent: { status, task: 'first task', desired, needs: null, divergence: null }, ...runs[of] }
}

const commands = {
  start: { name: 'start' },
  'resume: another': { name: 'resume', newTask: 'third task' },
  'resume: the same': { name: 'resume', newTask: 'first task' },
  'resume: bare': { name: 'resume', newTask: null },
  chat: { name: 'chat', mode: 'queue' },
  interrupt: { name: 'chat', mode: 'interrupt' },
  cancel: { name: 'cancel' },
  sleep: { name: 'sleep' },
  stop: { name: 'stop' },
  purge: { name: 'purge' },
  'pull request': { name: 'pull_request' },
} satisfies Record<string, AgentCommand>
type Command = keyof typeof commands
const commandNames = Object.keys(commands) as Command[]

/** In a word: what is done, the first word of a run's task ("words": those of the chat message), or how it is refused. */
function inAWord(decision: Decision): string {
  if (decision.do === 'run') return decision.task === '' ? 'words' : (decision.task.split(' ')[0] ?? '')
  if (decision.do === 'queue') return decision.interrupt ? 'interrupt' : 'queue'
  if (decision.do !== 'refuse') return decision.do
  return { state_conflict: 'conflict', run_in_progress: 'in-progress' }[decision.code as string] ?? decision.code
}

const decided = (of: Runs, command: Command, desired: Agent['desired'] = null) =>
  agentStatuses.map((status) => inAWord(decide(commands[command], situation(status, of, desired)))).join(' ')

const all = (word: string) => agentStatuses.map(() => word).join(' ')
const butStopping = (word: string) => agentStatuses.map((of) => (of === 'STOPPING' ? 'conflict' : word)).join(' ')

/** For each command a word for each of IDLE, STARTING, RUNNING, READY, SLEEPING, STOPPING, FAILED. */
type Rows = Record<Command, string>

const ended: Rows = {
  start: 'wake join join join wake conflict wake',
  'resume: another': butStopping('third'),
  'resume: the same': butStopping('first'),
  'resume: bare': butStopping('validation_failed'),
  chat: butStopping('words'),
  interrupt: butStopping('words'),
  cancel: all('join'),
  sleep: 'join join join sleep join join join',
  stop: 'join stop stop stop stop stop stop',
  purge: all('purge'),
  'pull request': butStopping('deliver'),
}

const table: Record<Runs, Rows> = {
  none: {
    start: butStopping('first'),
    'resume: another': all('conflict'),
    'resume: the same': all('conflict'),
    'resume: bare': all('conflict'),
    chat: all('conflict'),
    interrupt: all('conflict'),
    cancel: all('conflict'),
    sleep: 'join join join sleep join join join',
    stop: 'join stop stop stop stop stop stop',
    purge: all('purge'),
    'pull request': all('conflict'),
  },
  open: {
    start: 'join join join join join conflict wake',
    'resume: another': butStopping('in-progress'),
    'resume: the same': 'join join join join join conflict wake',
    'resume: bare': 'join join join join join conflict wake',
    chat: butStopping('queue'),
    interrupt: butStopping('interrupt'),
    cancel: all('cancel'),
    sleep: all('join'),
    stop: all('stop'),
    purge: all('purge'),
    'pull request': butStopping('in-progress'),
  },
  cancelling: {
    start: all('conflict'),
    'resume: another': all('conflict'),
    'resume: the same': all('conflict'),
    'resume: bare': all('conflict'),
    chat: all('conflict'),
    interrupt: all('conflict'),
    cancel: all('cancel'),
    sleep: all('join'),
    stop: all('stop'),
    purge: all('purge'),
    'pull request': butStopping('in-progress'),
  },
  ended,
  'ended before it began': {
    ...ended,
    start: butStopping('first'),
    'resume: bare': `${all('validation_failed').split(' ').slice(0, 5).join(' ')} conflict first`,
  },
  'resumed, ended before it began': {
    ...ended,
    start: 'wake join join join wake conflict second',
    'resume: bare': `${all('validation_failed').split(' ').slice(0, 5).join(' ')} conflict second`,
  },
}

describe('what an agent may be told', () => {
  const runKinds = Object.keys(table) as Runs[]

  it.each(runKinds.flatMap((of) => commandNames.map((command) => [of, command] as const)))(
    'in each status, with its last run %s: %s',
    (of, command) => {
      expect(decided(of, command)).toBe(table[of][command])
    },
  )

  it.each(runKinds)('while it falls asleep is the same, but it wakes instead, with its last run %s', (of) => {
    for (const command of commandNames) {
      if (command === 'sleep') expect(decided(of, command, 'asleep')).toBe(all('join'))
      else if (command === 'start')
        expect(decided(of, command, 'asleep')).toBe(
          table[of].start.replace('wake join join join', 'wake wake wake wake'),
        )
      else expect(decided(of, command, 'asleep')).toBe(table[of][command])
    }
  })

  it.each(runKinds)('while it is deleted is nothing but that, with its last run %s', (of) => {
    const ends: Partial<Record<Command, string>> = { purge: 'purge', stop: 'join', sleep: 'join' }
    for (const command of commandNames) expect(decided(of, command, 'purged')).toBe(all(ends[command] ?? 'conflict'))
    expect(allowedCommands(situation('FAILED', of, 'purged'))).toEqual(['delete'])
  })

  const refusals: [AgentStatus, Runs, Command, string, string][] = [
    ['STOPPING', 'ended', 'start', 'The agent is stopping.', 'Wait until its status is IDLE, then try again.'],
    ['RUNNING', 'cancelling', 'chat', 'The run is being cancelled.', 'Wait until it has ended, then send it again.'],
    [
      'RUNNING',
      'open',
      'resume: another',
      'A run is in progress, so a new task cannot begin.',
      'Say it to the run with chat, wait until the run ends, or cancel it.',
    ],
    [
      'READY',
      'ended',
      'resume: bare',
      'No run is in progress to join, and "newTask" is missing.',
      'Send {"newTask": "..."}.',
    ],
    [
      'IDLE',
      'none',
      'resume: another',
      'The agent was never started, so there is nothing to resume.',
      'Start it first.',
    ],
    ['IDLE', 'none', 'chat', 'The agent was never started.', 'Start it first.'],
    ['IDLE', 'none', 'cancel', 'There is no run to cancel: the agent was never started.', 'Start it first.'],
    ['IDLE', 'none', 'pull request', 'The agent was never started, so it has no work.', 'Start it first.'],
    [
      'RUNNING',
      'open',
      'pull request',
      'A run is in progress, so its work cannot be delivered yet.',
      'Wait until it ends or cancel it.',
    ],
  ]
  it.each(refusals)('%s, %s, refuses %s in words', (status, of, command, message, hint) => {
    expect(decide(commands[command], situation(status, of))).toMatchObject({ do: 'refuse', message, hint })
  })

  it('names what would be taken instead of a refusal', () => {
    expect(allowedCommands(situation('RUNNING', 'open'))).toEqual(['chat', 'cancel', 'stop', 'delete'])
    expect(allowedCommands(situation('READY', 'ended'))).toEqual(['resume', 'chat', 'stop', 'pull-request', 'delete'])
    expect(allowedCommands(situation('IDLE', 'none'))).toEqual(['start', 'delete'])
  })

  describe('while a run waits for a decision', () => {
    const divergence: Divergence = {
      kind: 'branch_moved',
      message: 'the branch moved',
      recorded: null,
      found: null,
      choices: divergenceChoices.branch_moved,
      choice: null,
    }
    const waiting = (): AgentSituation => {
      const { agent, ...runs } = situation('READY', 'open')
      return { ...runs, agent: { ...agent, needs: 'divergence', divergence } }
    }

    it('takes a choice that is offered and refuses another', () => {
      expect(decide({ name: 'resolve', choice: 'merge' }, waiting())).toEqual({ do: 'resolve' })
      expect(decide({ name: 'resolve', choice: 'clone_again' }, waiting())).toMatchObject({
        code: 'validation_failed',
        hint: 'Choose "merge" or "keep".',
      })
    })

    it('takes no other task, and may sleep', () => {
      expect(decide(commands['resume: another'], waiting())).toMatchObject({ do: 'refuse', code: 'state_conflict' })
      expect(decide(commands.sleep, waiting())).toEqual({ do: 'sleep' })
      expect(allowedCommands(waiting())).toEqual(['chat', 'cancel', 'stop', 'divergence', 'delete'])
    })
  })

  it('takes no choice where nothing has to be decided', () => {
    expect(decide({ name: 'resolve', choice: 'keep' }, situation('READY', 'ended'))).toMatchObject({
      code: 'state_conflict',
    })
  })
})
