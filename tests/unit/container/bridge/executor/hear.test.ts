/** What people say during a run reaches the model at its next step, once, in order, whatever dies in between. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ExecutorOptions } from '../../../../../container/bridge/executor/executor.ts'
import { closeRigs, commandOf, createRig, echo, plainTool } from '../../../../support/executor-rig.ts'

afterEach(closeRigs)

/** Words that wait outside; taking them takes them away. */
function waitingWords(...texts: string[]) {
  const waiting = texts.map((text, index) => ({ eventId: `evt_${index + 1}`, text }))
  const takeMessages: ExecutorOptions['takeMessages'] = async () => waiting.splice(0)
  return { waiting, takeMessages }
}

const call = (name: string, value: string) => ({ id: `call_${value}`, name, args: { value } })
const textsOf = (messages: { role: string; content: unknown }[]) =>
  messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))

describe('words that wait', () => {
  it('are read at the next step, after the results of the one in progress', async () => {
    const { takeMessages } = waitingWords('Also the docs', 'And the changelog')
    const rig = await createRig(
      [
        { calls: [call('echo', 'a')], onRequest: () => rig.executor.attend({ runId: 'run_1', interrupt: false }) },
        { text: 'All done.' },
      ],
      { takeMessages },
    )
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', steps: 2 })
    expect(rig.types()).not.toContain('error')
    const last = rig.model.requests.at(-1)?.body.messages ?? []
    expect(last.slice(-3).map(({ role }) => role)).toEqual(['tool', 'user', 'user'])
    expect(textsOf(last).slice(-2)).toEqual([
      expect.stringContaining('Also the docs'),
      expect.stringContaining('And the changelog'),
    ])
    const heard = rig.events().filter(({ type }) => type === 'thinking')
    expect(heard.map(({ data }) => data.inputEventIds)).toEqual([undefined, ['evt_1', 'evt_2']])
  })

  it('put off the end of a run that would be completed', async () => {
    const { takeMessages } = waitingWords('One more thing')
    const rig = await createRig(
      [
        { text: 'Done.', onRequest: () => rig.executor.attend({ runId: 'run_1', interrupt: false }) },
        { text: 'That too.' },
      ],
      { takeMessages },
    )
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', summary: 'That too.', steps: 2 })
  })

  it('are taken before the first step when the run begins with some', async () => {
    const { takeMessages } = waitingWords('First of all')
    const rig = await createRig([{ text: 'Done.' }], { takeMessages })
    await rig.run({ attend: true })
    expect(textsOf(rig.model.requests[0]?.body.messages ?? []).at(-1)).toContain('First of all')
  })

  it('are asked for again when they could not be had', async () => {
    const { takeMessages } = waitingWords('Still here')
    let asked = 0
    const rig = await createRig([{ calls: [call('echo', 'a')] }, { text: 'Heard.' }], {
      takeMessages: async (options) => {
        asked += 1
        if (asked === 1) throw new Error('the control plane is away')
        return takeMessages(options)
      },
    })
    await rig.run({ attend: true })
    expect(textsOf(rig.model.requests[1]?.body.messages ?? []).at(-1)).toContain('Still here')
  })

  it('are read once, however often they are given', async () => {
    const rig = await createRig(
      [
        { calls: [call('echo', 'a')], onRequest: () => rig.executor.attend({ runId: 'run_1', interrupt: false }) },
        { text: 'Heard.' },
      ],
      { takeMessages: async () => [{ eventId: 'evt_1', text: 'Only once' }] },
    )
    await rig.run({ attend: true })
    const texts = textsOf(rig.model.requests.at(-1)?.body.messages ?? []).join('\n')
    expect(texts.match(/Only once/g)).toHaveLength(1)
  })

  it('are for the run in progress only', async () => {
    const rig = await createRig([])
    expect(rig.executor.attend({ runId: 'run_1', interrupt: true })).toBe(false)
  })
})

describe('an interruption', () => {
  it('ends the model call in progress; nothing of the answer is kept and the words come first', async () => {
    const { takeMessages } = waitingWords('Stop, do this instead')
    const rig = await createRig([{ text: ['Half of '], breaks: 'hang' }, { text: 'Doing that.' }], { takeMessages })
    let interrupted = false
    rig.journal.subscribe(() => {
      if (interrupted || rig.journal.openMessages().length === 0) return
      interrupted = rig.executor.attend({ runId: 'run_1', interrupt: true })
    })
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', summary: 'Doing that.', steps: 1 })
    const ended = rig.events().find(({ type }) => type === 'error')
    expect(ended?.data).toMatchObject({ code: 'step_interrupted', abandonedMessageIds: expect.any(Array) })
    expect(rig.events().filter(({ type }) => type === 'text')).toHaveLength(1)
    expect(textsOf(rig.model.requests[1]?.body.messages ?? []).at(-1)).toContain('Stop, do this instead')
  })

  it('ends a command in progress and every call after it as interrupted', async () => {
    const { takeMessages } = waitingWords('Stop')
    const hang = plainTool('hang', (_value, { signal }) => {
      rig.executor.attend({ runId: 'run_1', interrupt: true })
      return new Promise((resolve) => {
        if (signal.aborted) resolve({ output: 'killed', outcome: 'error' })
        signal.addEventListener('abort', () => resolve({ output: 'killed', outcome: 'error' }))
      })
    })
    const rig = await createRig([{ calls: [call('hang', 'a'), call('echo', 'b')] }, { text: 'Stopped.' }], {
      takeMessages,
      tools: [echo, hang],
    })
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed' })
    const results = rig.events().filter(({ type }) => type === 'tool_result')
    expect(results.map(({ data }) => data.outcome)).toEqual(['interrupted', 'interrupted'])
    expect(rig.types().filter((type) => type === 'done')).toHaveLength(1)
  })
})

describe('an interruption while words are fetched', () => {
  it('has its own words fetched before the step begins', async () => {
    const { waiting, takeMessages } = waitingWords('First')
    let asked = 0
    const rig = await createRig([{ text: 'Done that instead.' }], {
      takeMessages: async (options) => {
        const taken = await takeMessages(options)
        asked += 1
        if (asked > 1) return taken
        waiting.push({ eventId: 'evt_2', text: 'No, this instead' })
        rig.executor.attend({ runId: 'run_1', interrupt: true })
        return taken
      },
    })
    const done = await rig.run({ attend: true })
    expect(textsOf(rig.model.requests[0]?.body.messages ?? []).at(-1)).toContain('No, this instead')
    expect(done.data).toMatchObject({ reason: 'completed', steps: 1 })
    expect(rig.types()).not.toContain('error')
    expect(asked).toBe(2)
  })

  it('is no reason to ask without end for words that cannot be had', async () => {
    let asked = 0
    const rig = await createRig([{ calls: [call('echo', 'a')] }, { text: 'Heard.' }], {
      takeMessages: async () => {
        asked += 1
        if (asked === 1) rig.executor.attend({ runId: 'run_1', interrupt: true })
        if (asked < 3) throw new Error('the control plane is away')
        return [{ eventId: 'evt_1', text: 'At last' }]
      },
    })
    await rig.run({ attend: true })
    expect(textsOf(rig.model.requests[1]?.body.messages ?? []).at(-1)).toContain('At last')
    expect(asked).toBe(3)
  })
})

describe('a bridge that died after it took words', () => {
  it('reads those it wrote down and those it is given again, each once', async () => {
    const { takeMessages } = waitingWords('taken')
    const rig = await createRig([{ text: ['Half '], breaks: 'hang' }], { takeMessages })
    rig.executor.begin(commandOf({ attend: true }))
    await new Promise<void>((resolve) => {
      const look = () => {
        if (rig.types().includes('thinking')) resolve()
      }
      rig.journal.subscribe(look)
      look()
    })
    const said = [
      { eventId: 'evt_1', text: 'taken' },
      { eventId: 'evt_9', text: 'lost on the way' },
    ]
    const next = await rig.reborn([{ text: 'Both heard.' }])
    await next.run({ continued: true, said })
    const texts = textsOf(next.model.requests[0]?.body.messages ?? []).join('\n')
    expect(texts.match(/taken/g)).toHaveLength(1)
    expect(texts.match(/lost on the way/g)).toHaveLength(1)
  })
})
