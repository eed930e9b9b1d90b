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
        { command: 'npm test | tee log', end: '1' },
        { command: 'echo `hi`', end: 'no result' },
      ],
      earlier: 0,
    })
  })

  it.each([
    [{ outcome: 'ok', detail: { exitCode: 0, signal: null, timedOut: false } }, '0'],
    [{ outcome: 'error', detail: { exitCode: 124, signal: null, timedOut: true } }, 'timed out'],
    [{ outcome: 'error', detail: { exitCode: null, signal: 'SIGKILL', timedOut: false } }, 'ended by SIGKILL'],
    [{ outcome: 'error', detail: { exitCode: null, signal: '|x|', timedOut: false } }, 'ended by a signal'],
    // A folder that is not there, or arguments that do not fit.
    [{ outcome: 'error', detail: { code: 'not_found' } }, 'not run'],
    [{ outcome: 'error' }, 'not run'],
    [{ outcome: 'error', detail: { code: 'runner_lost' } }, 'interrupted'],
    [{ outcome: 'interrupted' }, 'interrupted'],
    [{ outcome: 'interrupted', detail: { exitCode: 143, signal: null, timedOut: false } }, 'interrupted'],
  ])('says of a command that came to %o how it ended: %s', (result, end) => {
    const call = { tool: 'run_command', toolCallId: 'a' }
    const said = [
      event('tool_call', { ...call, input: { command: 'make' } }),
      event('tool_result', { ...call, ...result }),
    ]
    expect(collect(said).commands).toEqual([{ command: 'make', end }])
  })

  it('parts no character, wherever a text is cut', () => {
    for (const begun of ['', 'x']) {
      const long = begun + '😀'.repeat(7_000)
      const call = { tool: 'run_command', toolCallId: 'a', input: { command: long } }
      const body = writePullRequestBody({
        summary: long,
        run: { task: long, steps: 1, costUsd: 0 },
        model: 'm',
        evidence: collect([event('tool_call', call)]),
        isolated: true,
      })
      expect(body.isWellFormed()).toBe(true)
      expect(body).toContain('😀…')
    }
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
    expect(commands.map(({ end }) => end)).toEqual(Array.from({ length: 20 }, (_, index) => `${980 + index}`))
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
        '| `` echo `hi` `` | no result |',
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
