import { describe, expect, it } from 'vitest'
import { type AgentStatus, type Divergence, divergenceChoices } from '../../../../lib/domain/agent.ts'
import { type AgentCommand, type AgentSituation, allowedCommands, decide } from '../../../../lib/domain/agent-state.ts'

const started = { id: 'run_1', task: 'first task', startedAt: new Date(0), cancelRequestedAt: null }
const neverStarted = { ...started, startedAt: null }

function situation(status: AgentStatus, runs: 'none' | 'open' | 'ended' | 'ended-before-it-began'): AgentSituation {
  const lastRun = { none: null, open: started, ended: started, 'ended-before-it-began': neverStarted }[runs]
  const agent = { status, task: 'first task', desired: null, needs: null, divergence: null }
  return { agent, openRun: runs === 'open' ? started : null, lastRun }
}

const start: AgentCommand = { name: 'start' }
const resume: AgentCommand = { name: 'resume', newTask: 'second task' }
const resumeSame: AgentCommand = { name: 'resume', newTask: 'first task' }
const resumeBare: AgentCommand = { name: 'resume', newTask: null }
const chat: AgentCommand = { name: 'chat', mode: 'queue' }
const interrupt: AgentCommand = { name: 'chat', mode: 'interrupt' }
const sleep: AgentCommand = { name: 'sleep' }
const cancel: AgentCommand = { name: 'cancel' }
const stop: AgentCommand = { name: 'stop' }
const deliver: AgentCommand = { name: 'pull_request' }

const table: [AgentStatus, Parameters<typeof situation>[1], AgentCommand, string][] = [
  ['IDLE', 'none', start, 'run: first task'],
  ['FAILED', 'none', start, 'run: first task'],
  ['FAILED', 'ended-before-it-began', start, 'run: first task'],
  ['FAILED', 'ended', start, 'wake'],
  ['IDLE', 'ended', start, 'wake'],
  ['SLEEPING', 'ended', start, 'wake'],
  ['READY', 'ended', start, 'join'],
  ['STARTING', 'open', start, 'join'],
  ['RUNNING', 'open', start, 'join'],
  ['STOPPING', 'ended', start, 'refuse: state_conflict'],
  ['IDLE', 'none', resume, 'refuse: state_conflict'],
  ['IDLE', 'ended', resume, 'run: second task'],
  ['READY', 'ended', resume, 'run: second task'],
  ['SLEEPING', 'ended', resume, 'run: second task'],
  ['FAILED', 'ended', resume, 'run: second task'],
  ['FAILED', 'ended-before-it-began', resumeBare, 'run: first task'],
  ['RUNNING', 'open', resume, 'refuse: run_in_progress'],
  ['RUNNING', 'open', resumeSame, 'join'],
  ['STARTING', 'open', resumeBare, 'join'],
  ['READY', 'ended', resumeBare, 'refuse: validation_failed'],
  ['STOPPING', 'ended', resume, 'refuse: state_conflict'],
  ['READY', 'ended', chat, 'run: '],
  ['IDLE', 'none', chat, 'refuse: state_conflict'],
  ['RUNNING', 'open', chat, 'queue'],
  ['RUNNING', 'open', interrupt, 'interrupt'],
  ['STARTING', 'open', chat, 'queue'],
  ['STOPPING', 'open', chat, 'refuse: state_conflict'],
  ['SLEEPING', 'ended', chat, 'run: '],
  ['READY', 'ended', sleep, 'sleep'],
  ['RUNNING', 'open', sleep, 'join'],
  ['STARTING', 'ended', sleep, 'join'],
  ['SLEEPING', 'ended', sleep, 'join'],
  ['IDLE', 'ended', sleep, 'join'],
  ['STOPPING', 'ended', chat, 'refuse: state_conflict'],
  ['RUNNING', 'open', cancel, 'cancel'],
  ['STARTING', 'open', cancel, 'cancel'],
  ['READY', 'ended', cancel, 'join'],
  ['IDLE', 'none', cancel, 'refuse: state_conflict'],
  ['RUNNING', 'open', stop, 'stop'],
  ['READY', 'ended', stop, 'stop'],
  ['FAILED', 'ended', stop, 'stop'],
  ['IDLE', 'ended', stop, 'join'],
  ['READY', 'ended', deliver, 'deliver'],
  ['SLEEPING', 'ended', deliver, 'deliver'],
  ['RUNNING', 'open', deliver, 'refuse: run_in_progress'],
  ['IDLE', 'none', deliver, 'refuse: state_conflict'],
  ['RUNNING', 'open', { name: 'purge' }, 'purge'],
  ['FAILED', 'none', { name: 'purge' }, 'purge'],
]

describe('what an agent may be told', () => {
  it.each(table)('%s with runs: %s takes %o as %s', (status, runs, command, expected) => {
    const decision = decide(command, situation(status, runs))
    const shown =
      decision.do === 'run'
        ? `run: ${decision.task}`
        : decision.do === 'refuse'
          ? `refuse: ${decision.code}`
          : decision.do === 'queue' && decision.interrupt
            ? 'interrupt'
            : decision.do
    expect(shown).toBe(expected)
  })

  it('names what would be taken instead of a refusal', () => {
    expect(allowedCommands(situation('RUNNING', 'open'))).toEqual(['chat', 'cancel', 'stop', 'delete'])
    expect(allowedCommands(situation('READY', 'ended'))).toEqual(['resume', 'chat', 'stop', 'pull_request', 'delete'])
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

    it('takes no other task, and does not sleep', () => {
      expect(decide(resume, waiting())).toMatchObject({ do: 'refuse', code: 'state_conflict' })
      expect(decide(sleep, { ...waiting(), openRun: null })).toEqual({ do: 'join' })
      expect(allowedCommands(waiting())).toEqual(['chat', 'cancel', 'stop', 'divergence', 'delete'])
    })
  })

  it('takes no choice where nothing has to be decided', () => {
    expect(decide({ name: 'resolve', choice: 'keep' }, situation('READY', 'ended'))).toMatchObject({
      code: 'state_conflict',
    })
  })

  it('takes no words for a run that is being cancelled', () => {
    const { agent, lastRun } = situation('RUNNING', 'open')
    const openRun = { ...started, cancelRequestedAt: new Date(0) }
    expect(decide(chat, { agent, lastRun, openRun })).toMatchObject({ do: 'refuse', code: 'state_conflict' })
  })
})
