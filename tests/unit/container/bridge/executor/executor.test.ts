import { afterEach, describe, expect, it } from 'vitest'
import { ExecutorError } from '../../../../../container/bridge/executor/executor.ts'
import { JournalError } from '../../../../../container/bridge/journal/journal.ts'
import type { HistoryEvent } from '../../../../../container/contract/bridge.ts'
import type { JournalEvent } from '../../../../../container/contract/events.ts'
import {
  closeRigs,
  commandOf,
  createRig,
  echo,
  plainTool,
  type Rig,
  textWorkspace,
} from '../../../../support/executor-rig.ts'

afterEach(closeRigs)

const call = (id: string, value = id, name = 'echo') => ({ id, name, args: { value } })
const dones = (rig: Rig) => rig.events().filter((event) => event.type === 'done')

/** What the control plane has stored: its own message, then the bridge's events. */
function storedHistory(rig: Rig, runId = 'run_1'): HistoryEvent[] {
  const message = { id: `evt_${runId}`, type: 'message', runId, data: { text: 'Do the work.', from: null } }
  const events = rig
    .events()
    .map((event: JournalEvent) => ({ id: `evt_n${event.n}`, type: event.type, runId: event.runId, data: event.data }))
  return [message, ...events]
}

/** A tool that never answers by itself. `started` resolves when it runs. */
function stuckTool({ heeds }: { heeds: boolean }) {
  const started = Promise.withResolvers<void>()
  const tool = plainTool('echo', (_value, { signal }) => {
    started.resolve()
    return new Promise((resolve) => {
      if (heeds) signal.addEventListener('abort', () => resolve({ output: 'half of it', outcome: 'error' }))
    })
  })
  return { tool, started: started.promise }
}

describe('begin', () => {
  it('joins the run in progress, and one that has ended, instead of starting it twice', async () => {
    const rig = await createRig([{ text: 'Done.' }])
    expect(rig.executor.begin(commandOf())).toEqual({ runId: 'run_1', joined: false })
    expect(rig.executor.begin(commandOf())).toEqual({ runId: 'run_1', joined: true })
    expect(rig.executor.current()).toEqual({ id: 'run_1', step: 0 })
    await rig.ended('run_1')
    expect(rig.executor.begin(commandOf())).toEqual({ runId: 'run_1', joined: true })
    expect(rig.types().filter((type) => type === 'run_started')).toHaveLength(1)
  })

  it('refuses a second run while one is in progress', async () => {
    const rig = await createRig([{ breaks: 'hang' }])
    rig.executor.begin(commandOf())
    expect(() => rig.executor.begin(commandOf({ runId: 'run_2' }))).toThrow(
      new ExecutorError(
        'run_in_progress',
        'Run run_1 is in progress: wait for its end or cancel it before run_2 begins.',
      ),
    )
    await rig.executor.cancel('run_1')
  })

  it('puts a new instruction after all that was said before', async () => {
    const rig = await createRig([{ calls: [call('c1')] }, { text: 'First done.' }, { text: 'Second done.' }])
    await rig.run()
    await rig.run({ runId: 'run_2', input: { eventId: 'evt_2', text: 'Now the rest.' } })
    expect(rig.model.requests[2]?.body.messages.slice(1).map(({ role, content }) => [role, content])).toEqual([
      ['user', 'Do the work.'],
      ['assistant', null],
      ['tool', 'echo: c1'],
      ['assistant', 'First done.'],
      ['user', 'Now the rest.'],
    ])
    expect(rig.events().at(-1)?.data).toMatchObject({ steps: 1 })
  })

  it('refers to the message of a person, which stays out of the log', async () => {
    const rig = await createRig([{ text: 'ok' }])
    await rig.run()
    expect(rig.events()[0]).toMatchObject({
      type: 'run_started',
      data: { inputEventId: 'evt_run_1', model: 'test/model', maxSteps: 15, continued: false },
    })
    expect(JSON.stringify(rig.events())).not.toContain('Do the work.')
  })

  it('offers the tools that are allowed', async () => {
    const rig = await createRig([{ text: 'ok' }], {
      tools: [echo, plainTool('other', () => ({ output: '', outcome: 'ok' }))],
    })
    await rig.run({ tools: { allow: ['other'], commandTimeoutMs: 1 } })
    expect(rig.model.requests[0]?.body.tools?.map((tool) => tool.function.name)).toEqual(['other'])
  })
})

describe('cancel', () => {
  it('ends a run in the middle of an answer, of which nothing is kept', async () => {
    const asked = Promise.withResolvers<void>()
    const rig = await createRig([{ text: 'Half', breaks: 'hang', onRequest: asked.resolve }])
    rig.executor.begin(commandOf())
    await asked.promise
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
    expect(rig.types()).toEqual(['run_started', 'thinking', 'done'])
    expect(dones(rig)[0]?.data.reason).toBe('cancelled')
    expect(rig.executor.current()).toBeNull()
  })

  it('ends a run in the middle of a tool, whose words so far are kept', async () => {
    const { tool, started } = stuckTool({ heeds: true })
    const rig = await createRig([{ calls: [call('c1'), call('c2')] }], { tools: [tool] })
    rig.executor.begin(commandOf())
    await started
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
    const results = rig
      .events()
      .filter((event) => event.type === 'tool_result')
      .map((event) => event.data)
    expect(results).toMatchObject([
      { toolCallId: 'c1', outcome: 'interrupted', output: 'half of it' },
      { toolCallId: 'c2', outcome: 'interrupted' },
    ])
    expect(dones(rig)).toHaveLength(1)
  })

  it('does not wait for a tool or a transport that does not heed it', async () => {
    const { tool, started } = stuckTool({ heeds: false })
    const rig = await createRig([{ calls: [call('c1')] }], { tools: [tool] })
    rig.executor.begin(commandOf())
    await started
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
    expect(dones(rig)[0]?.data.reason).toBe('cancelled')

    const deaf = await createRig([], { modelFetch: () => new Promise(() => {}) })
    deaf.executor.begin(commandOf())
    expect(await deaf.executor.cancel('run_1')).toEqual({ ended: true })
    expect(dones(deaf)).toHaveLength(1)
  })

  it('does not wait for a workspace that hangs', async () => {
    const asked = Promise.withResolvers<void>()
    const readFile = () => {
      asked.resolve()
      return new Promise<never>(() => {})
    }
    const rig = await createRig([], { workspace: { ...textWorkspace(), readFile } })
    rig.executor.begin(commandOf())
    await asked.promise
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
    expect(dones(rig)).toHaveLength(1)
  })

  it('leaves nothing that is written after the end, whatever goes on running', async () => {
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const finished = Promise.withResolvers<void>()
    const late = plainTool('read_file', async (value, context) => {
      if (value === 'b') started.resolve()
      await gate.promise
      try {
        context.onOutput('late')
        context.emit({ type: 'task_update', data: { tasks: [] } })
      } finally {
        finished.resolve()
      }
      return { output: 'late', outcome: 'ok' }
    })
    const rig = await createRig([{ calls: [call('c1', 'a', 'read_file'), call('c2', 'b', 'read_file')] }], {
      tools: [late],
    })
    rig.executor.begin(commandOf())
    await started.promise
    await rig.executor.cancel('run_1')
    gate.resolve()
    await finished.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(rig.types().slice(-3)).toEqual(['tool_result', 'tool_result', 'done'])
    expect(rig.journal.openMessages()).toEqual([])
  })

  it('says so when there is no such run in progress', async () => {
    const rig = await createRig([{ text: 'ok' }])
    await rig.run()
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: false })
    expect(dones(rig)).toHaveLength(1)
  })

  it('given twice, ends the run once', async () => {
    const rig = await createRig([{ breaks: 'hang' }])
    rig.executor.begin(commandOf())
    expect(await Promise.all([rig.executor.cancel('run_1'), rig.executor.cancel('run_1')])).toEqual([
      { ended: true },
      { ended: true },
    ])
    expect(dones(rig)).toHaveLength(1)
  })
})

describe('a run that was interrupted', () => {
  it('goes on where it was: half-run calls are closed, not run again, and steps and tokens are counted on', async () => {
    const { tool, started } = stuckTool({ heeds: false })
    const first = await createRig([{ text: 'On it.', calls: [call('c1')], usage: { input: 100, output: 10 } }], {
      tools: [tool],
    })
    first.executor.begin(commandOf())
    await started
    let runs = 0
    const count = plainTool('echo', () => ({ output: String(++runs), outcome: 'ok' }))
    const second = await first.reborn([{ text: 'Done.', usage: { input: 200, output: 20 } }], { tools: [count] })
    const done = await second.run({ continued: true })

    expect(runs).toBe(0)
    expect(second.types().slice(4)).toEqual(['tool_result', 'run_started', 'thinking', 'text', 'done'])
    expect(second.events()[4]?.data).toMatchObject({ toolCallId: 'c1', outcome: 'interrupted' })
    expect(second.events()[5]?.data).toMatchObject({ continued: true })
    expect(done.data).toMatchObject({ reason: 'completed', steps: 2, inputTokens: 300, outputTokens: 30 })
    const roles = second.model.requests[0]?.body.messages.map((message) => message.role)
    expect(roles).toEqual(['system', 'user', 'assistant', 'tool', 'user'])
    expect(second.model.requests[0]?.body.messages.at(-1)?.content).toContain('interrupted and started again')
  })

  it('sends the same request as the run that was not: the fold of the journal is the conversation', async () => {
    const turns = [{ reasoning: { text: 'Hm.', signature: 'cw==' }, text: 'A', calls: [call('c1')] }, { text: 'B' }]
    const first = await createRig([...turns, { text: 'C' }])
    await first.run()
    await first.run({ runId: 'run_2', input: { eventId: 'evt_2', text: 'More.' } })
    const other = await createRig(turns)
    await other.run()
    const reborn = await other.reborn([{ text: 'C' }])
    await reborn.run({ runId: 'run_2', input: { eventId: 'evt_2', text: 'More.' } })
    expect(reborn.model.requests[0]?.body.messages).toEqual(first.model.requests[2]?.body.messages)
  })
})

describe('a journal that lacks what is stored', () => {
  const more = { runId: 'run_2', input: { eventId: 'evt_2', text: 'More.' } }

  it('is told so when no history comes with the command', async () => {
    const rig = await createRig([])
    const stored = { journalId: 'jnl_lost', n: 7 }
    expect(() => rig.executor.begin(commandOf({ stored }))).toThrow(
      expect.objectContaining({
        code: 'history_needed',
        message: expect.stringContaining('send the command again with history'),
      }),
    )
    expect(rig.journal.empty).toBe(true)
  })

  it('folds the history to the same conversation as the journal that was lost', async () => {
    const turns = [
      { reasoning: { text: 'Hm.', signature: 'cw==' }, text: 'A', calls: [call('c1'), call('c2')] },
      { text: 'B' },
    ]
    const kept = await createRig([...turns, { text: 'C' }])
    await kept.run()
    const stored = { journalId: kept.journal.journalId, n: kept.journal.lastN }
    const history = storedHistory(kept)
    await kept.run({ ...more, stored })

    const fresh = await createRig([{ text: 'C' }])
    await fresh.run({ ...more, stored, history })
    expect(fresh.model.requests[0]?.text).toBe(kept.model.requests[2]?.text)

    const reborn = await fresh.reborn([{ text: 'D' }])
    const nothingNewStored = { ...commandOf({ runId: 'run_3' }), stored, input: { eventId: 'evt_3', text: 'Again.' } }
    await reborn.run(nothingNewStored)
    expect(reborn.model.requests[0]?.body.messages.map((message) => message.role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'tool',
      'assistant',
      'user',
      'assistant',
      'user',
    ])
  })

  it('takes a new id when it is shorter than what was acknowledged', async () => {
    const rig = await createRig([{ text: 'A' }, { text: 'B' }])
    await rig.run()
    const history = storedHistory(rig)
    const stored = { journalId: rig.journal.journalId, n: rig.journal.lastN + 5 }
    expect(() => rig.executor.begin(commandOf({ ...more, stored }))).toThrow(
      expect.objectContaining({ code: 'history_needed' }),
    )
    await rig.run({ ...more, stored, history })
    expect(rig.journal.journalId).not.toBe(stored.journalId)
    expect(rig.events()[0]).toMatchObject({ n: 1, type: 'run_started', runId: 'run_2' })
  })

  it('closes calls that the history left open before the run goes on', async () => {
    const { tool, started } = stuckTool({ heeds: false })
    const first = await createRig([{ calls: [call('c1')] }], { tools: [tool] })
    first.executor.begin(commandOf())
    await started
    const fresh = await createRig([{ text: 'Done.' }])
    const done = await fresh.run({
      continued: true,
      stored: { journalId: first.journal.journalId, n: 3 },
      history: storedHistory(first),
    })
    expect(fresh.types()).toEqual(['tool_result', 'run_started', 'thinking', 'text', 'done'])
    expect(done.data).toMatchObject({ steps: 2 })
    await first.executor.cancel('run_1')
  })
})

describe('the end of a run', () => {
  it('is in the log once, also when the bridge fails', async () => {
    const rig = await createRig([], {
      modelFetch: async () => {
        throw new RangeError('broken')
      },
      workspace: {
        ...textWorkspace(),
        readFile: async () => {
          throw new RangeError('broken')
        },
      },
    })
    const done = await rig.run()
    expect(done.data).toMatchObject({
      reason: 'failed',
      message: 'The bridge failed: broken. The bridge log has the details; resume the agent to try again.',
    })
    expect(dones(rig)).toHaveLength(1)
  })

  it('is disk_limit when the log cannot be written any more', async () => {
    const rig = await createRig([{ text: 'ok' }])
    const append = rig.journal.append
    rig.journal.append = (event) => {
      if (event.type === 'text') throw new JournalError('disk_full', 'The disk of the agent is full.')
      return append(event)
    }
    expect((await rig.run()).data).toMatchObject({
      reason: 'disk_limit',
      message:
        'The disk of the agent is full. Free space on the machine that has it, then resume the agent; diskBytes does not make it larger.',
    })
    expect(dones(rig)).toHaveLength(1)
  })
})
