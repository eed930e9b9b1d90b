import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '../../../../lib/domain/agent.ts'
import {
  CommandCollector,
  finishPullRequestBody,
  writeCommitMessage,
  writePullRequestBody,
} from '../../../../lib/domain/pull-request-text.ts'

function event(type: string, data: Record<string, unknown>): StoredEvent {
  return { id: 'evt', seq: 1, type, runId: 'run_1', createdAt: new Date(0), data }
}

const events = [
  event('tool_call', { tool: 'run_command', toolCallId: 'a', input: { command: 'npm test | tee log' } }),
  event('tool_call', { tool: 'read_file', toolCallId: 'b', input: { path: 'x' } }),
  event('tool_result', { tool: 'run_command', toolCallId: 'a', detail: { exitCode: 1 } }),
  event('tool_call', { tool: 'run_command', toolCallId: 'c', input: { command: ['echo', '`hi`'] } }),
]

function collect(some: StoredEvent[]) {
  const collector = new CommandCollector()
  for (const one of some) collector.add(one)
  return collector.evidence()
}

const NONE = collect([])

describe('a pull request', () => {
  it('lists the commands of the run and how they ended', () => {
    expect(collect(events)).toEqual({
      commands: [
        { command: 'npm test | tee log', exitCode: 1 },
        { command: 'echo `hi`', exitCode: null },
      ],
      earlier: 0,
    })
  })

  it('shows the last twenty, a line of each, and says how many there were before', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => [
      event('tool_call', {
        tool: 'run_command',
        toolCallId: `c${index}`,
        input: { command: `make ${'x'.repeat(index)}` },
      }),
      event('tool_result', { tool: 'run_command', toolCallId: `c${index}`, detail: { exitCode: index } }),
    ]).flat()
    const { commands, earlier } = collect(many)
    expect(earlier).toBe(980)
    expect(commands.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 20 }, (_, index) => 980 + index))
    expect(commands.every(({ command }) => command.length === 160)).toBe(true)
    const run = { task: 'x', steps: 1, costUsd: 0 }
    const body = writePullRequestBody({
      summary: null,
      run,
      model: 'm',
      evidence: { commands, earlier },
      isolated: true,
    })
    expect(body).toContain('980 earlier commands are in the log.')
  })

  it('says what was asked, what was done and where the evidence is from', () => {
    const body = writePullRequestBody({
      summary: 'Capped the delay.',
      run: { task: 'Cap the delay\nplease', steps: 4, costUsd: 0 },
      model: 'a/b',
      evidence: collect(events),
      isolated: true,
    })
    expect(body).toBe(
      [
        'Capped the delay.',
        '',
        '### Task',
        '',
        '> Cap the delay',
        '> please',
        '',
        '### Commands, as reported by the sandbox',
        '',
        '| command | exit |',
        '| --- | --- |',
        '| ` npm test \\| tee log ` | 1 |',
        '| `` echo `hi` `` | ended by a signal |',
        '',
        '4 steps with a/b. Opened by Berth.',
        '',
      ].join('\n'),
    )
  })

  it('stays within what GitHub takes, however much was asked and said', () => {
    const [task, summary] = [`a${'\n'.repeat(99_998)}b`, 's'.repeat(200_000)]
    const body = writePullRequestBody({
      summary,
      run: { task, steps: 1, costUsd: 0 },
      model: 'm',
      evidence: NONE,
      isolated: false,
    })
    expect(body.length).toBeLessThan(65_536)
    expect(body.match(/The rest is in the log\./g)).toHaveLength(2)
  })

  it('says so when no command was run', () => {
    const run = { task: 'x', steps: 1, costUsd: 0 }
    const body = writePullRequestBody({ summary: null, run, model: 'm', evidence: NONE, isolated: true })
    expect(body).toContain('No commands were run.')
    expect(body).toContain('1 step with m.')
  })

  it('says that a sandbox was not isolated, also in words that the agent wrote itself', () => {
    const run = { task: 'x', steps: 1, costUsd: 0 }
    const body = writePullRequestBody({ summary: null, run, model: 'm', evidence: NONE, isolated: false })
    expect(body).toContain(
      '\n\n**Not isolated:** the agent had no container. Its commands ran as ordinary processes of ',
    )
    expect(finishPullRequestBody('Mine.\n', { isolated: true })).toBe('Mine.\n')
    expect(finishPullRequestBody('Mine.\n', { isolated: false })).toMatch(/^Mine\.\n\n\*\*Not isolated:\*\* .*\.\n$/)
  })

  it('has a commit message with the summary below the name', () => {
    expect(writeCommitMessage('Fix it', ' Done. ')).toBe('Fix it\n\nDone.\n')
    expect(writeCommitMessage('Fix it', null)).toBe('Fix it\n')
  })
})
