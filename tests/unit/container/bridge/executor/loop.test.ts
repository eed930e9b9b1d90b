import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Tool } from '../../../../../container/bridge/tools/tool.ts'
import { closeRigs, commandOf, createRig, echo, plainTool, textWorkspace } from '../../../../support/executor-rig.ts'
import type { Turn } from '../../../../support/scripted-openrouter.ts'
import { testClock } from '../../../../support/test-clock.ts'

afterEach(closeRigs)

const call = (id: string, value = id, name = 'echo') => ({ id, name, args: { value } })
const limits = (parts: object) => ({ limits: { ...commandOf().limits, ...parts } })
const step = (number: number, usage?: Turn['usage']): Turn => ({
  calls: [call(`c${number}`)],
  ...(usage ? { usage } : {}),
})

describe('a run', () => {
  it("writes its steps in order and ends with the model's last words", async () => {
    const rig = await createRig([
      { reasoning: { text: 'Hm.' }, text: ['Look', 'ing.'], calls: [call('c1')], usage: { input: 100, output: 20 } },
      { text: 'All done.', usage: { input: 130, output: 10 } },
    ])
    const done = await rig.run()
    expect(rig.types().join(' ')).toBe('run_started thinking reasoning text tool_call tool_result thinking text done')
    expect(done.data).toMatchObject({
      reason: 'completed',
      summary: 'All done.',
      steps: 2,
      inputTokens: 230,
      outputTokens: 30,
    })
    expect(rig.executor.current()).toBeNull()
  })

  it('has every call of a step in the log before the first tool starts', async () => {
    const seen: string[][] = []
    const look = plainTool('look', () => {
      seen.push(rig.types())
      return { output: 'seen', outcome: 'ok' }
    })
    const rig = await createRig([{ calls: [call('c1', 'a', 'look'), call('c2', 'b', 'look')] }, { text: 'ok' }], {
      tools: [look],
    })
    await rig.run()
    expect(seen[0]?.slice(-2)).toEqual(['tool_call', 'tool_call'])
    expect(seen[1]?.at(-1)).toBe('tool_result')
  })

  it('runs calls one after another in order, unless all of them only read', async () => {
    const running: string[] = []
    let most = 0
    const slow = (name: string): Tool =>
      plainTool(name, async (value) => {
        running.push(value)
        most = Math.max(most, running.length)
        await new Promise((resolve) => setImmediate(resolve))
        running.splice(running.indexOf(value), 1)
        return { output: value, outcome: 'ok' }
      })
    const tools = [slow('read_file'), slow('write_file')]
    const write = await createRig(
      [{ calls: [call('c1', 'a', 'read_file'), call('c2', 'b', 'write_file')] }, { text: 'ok' }],
      { tools },
    )
    await write.run()
    expect(most).toBe(1)
    const read = await createRig(
      [{ calls: [call('c1', 'a', 'read_file'), call('c2', 'b', 'read_file')] }, { text: 'ok' }],
      { tools },
    )
    await read.run()
    expect(most).toBe(2)
  })

  it('gives results to the model in call order, whichever tool was done first', async () => {
    const gate = Promise.withResolvers<void>()
    const read = plainTool('read_file', async (value) => {
      if (value === 'first') await gate.promise
      else setImmediate(gate.resolve)
      return { output: `content of ${value}`, outcome: 'ok' }
    })
    const rig = await createRig(
      [{ calls: [call('c1', 'first', 'read_file'), call('c2', 'second', 'read_file')] }, { text: 'ok' }],
      { tools: [read] },
    )
    await rig.run()
    expect(rig.model.requests[1]?.body.messages.slice(-2).map((message) => message.content)).toEqual([
      'content of first',
      'content of second',
    ])
  })

  it('sends each request as the last one with more at its end, byte for byte', async () => {
    const turns: Turn[] = [
      { reasoning: { text: 'Let me think.', signature: 'c2lnbmVk' }, text: 'First.', calls: [call('c1'), call('c2')] },
      {
        reasoning: { text: 'More.', signature: 'bW9yZQ==' },
        calls: [{ id: 'c3', name: 'echo', args: { value: 'ünï → 日本' } }],
      },
      { calls: [{ id: 'c4', name: 'echo', args: {} }] },
      { text: 'Done.' },
    ]
    const rig = await createRig(turns)
    await rig.run()
    const prefixes = rig.model.requests.map(({ body }) => JSON.stringify(body.messages).slice(0, -1))
    for (const [index, prefix] of prefixes.slice(1).entries())
      expect(prefix.startsWith(prefixes[index] ?? '?')).toBe(true)
    const tools = rig.model.requests.map(({ body }) => JSON.stringify(body.tools))
    expect(new Set(tools).size).toBe(1)
  })

  it('replays reasoning with its signature exactly as it came', async () => {
    const rig = await createRig([
      { reasoning: { text: 'Let me think.', signature: 'c2lnbmVk' }, calls: [call('c1')] },
      { text: 'Done.' },
    ])
    await rig.run()
    expect(rig.model.requests[1]?.body.messages.find((message) => message.role === 'assistant')).toMatchObject({
      reasoning: 'Let me think.',
      reasoning_details: [
        { type: 'reasoning.text', text: 'Let me think.', signature: 'c2lnbmVk', format: 'anthropic-claude-v1' },
      ],
    })
  })

  it('streams text as it comes and closes it with the event of the same messageId', async () => {
    const texts: string[] = []
    const turn = { text: ['One ', 'two.'], breaks: 'hang' as const }
    const rig = await createRig([turn])
    rig.executor.begin(commandOf())
    await new Promise<void>((resolve) => {
      const stop = rig.journal.subscribe(() => {
        texts.push(...rig.journal.openMessages().map((message) => message.text))
        if (!texts.includes('One two.')) return
        stop()
        resolve()
      })
    })
    await rig.executor.cancel('run_1')
    expect(rig.types()).toEqual(['run_started', 'thinking', 'done'])
    expect(rig.journal.openMessages()).toEqual([])
  })

  it('names the request: the run, the model, and no key', async () => {
    const rig = await createRig([{ text: 'ok' }])
    await rig.run({ model: { id: 'test/model', contextTokens: null, maxOutputTokens: 4_000 } })
    const [request] = rig.model.requests
    expect(request?.url).toBe('http://model.berth/api/v1/chat/completions')
    expect(request?.headers.get('x-berth-run')).toBe('run_1')
    expect(request?.body).toMatchObject({
      model: 'test/model',
      max_tokens: 4_000,
      stream: true,
      usage: { include: true },
    })
  })

  it('marks what Anthropic is to cache: the system prompt, where the last request ended, and the end', async () => {
    const rig = await createRig([step(1), step(2), { text: 'ok' }])
    await rig.run({ model: { id: 'anthropic/claude-sonnet-4.6', contextTokens: null, maxOutputTokens: null } })
    const marked = rig.model.requests[2]?.body.messages.map((message) =>
      JSON.stringify(message).includes('"cache_control":{"type":"ephemeral"}'),
    )
    expect(rig.model.requests[2]?.body.messages.map((message) => message.role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'assistant',
      'tool',
    ])
    expect(marked).toEqual([true, false, false, true, false, true])
  })
})

describe('what the model does wrong', () => {
  const resultOf = async (turns: Turn[], tools: Tool[] = [echo]) => {
    const rig = await createRig([...turns, { text: 'ok' }], { tools })
    await rig.run()
    return rig
      .events()
      .filter((event) => event.type === 'tool_result')
      .map((event) => event.data)
  }

  it('gets the problems of a call that does not fit the schema, and another try', async () => {
    const [result] = await resultOf([{ calls: [{ id: 'c1', name: 'echo', args: { valu: 1 } }] }])
    expect(result).toMatchObject({ outcome: 'error', toolCallId: 'c1' })
    expect(result?.output).toContain('- value: Invalid input: expected string, received undefined')
  })

  it('gets the names of the tools for one that does not exist', async () => {
    const [result] = await resultOf([{ calls: [call('c1', 'x', 'bash')] }])
    expect(result?.output).toBe('There is no tool "bash". The tools are: echo.')
  })

  it('gets told of arguments that are not JSON, and the tool is not run', async () => {
    const [result] = await resultOf([{ calls: [{ id: 'c1', name: 'echo', args: '{"value": "unfinished' }] }])
    expect(result).toMatchObject({ outcome: 'error' })
    expect(result?.output).toContain('were cut off')
  })

  it('never has a call of an answer run that was cut at the output limit', async () => {
    let runs = 0
    const count = plainTool('echo', () => ({ output: String(++runs), outcome: 'ok' }))
    const [whole, cut] = await resultOf(
      [{ calls: [call('c1'), { id: 'c2', name: 'echo', args: '{"value": "half' }], finish: 'length' }],
      [count],
    )
    expect(runs).toBe(0)
    expect([whole?.outcome, cut?.outcome]).toEqual(['error', 'error'])
  })

  it('is told when a call is too large to be kept, which is then not run', async () => {
    let runs = 0
    const list = plainTool('echo', () => ({ output: String(++runs), outcome: 'ok' }))
    const args = { value: 'x', extra: Array.from({ length: 60_000 }, () => 'item') }
    const rig = await createRig([{ calls: [{ id: 'c1', name: 'echo', args }] }, { text: 'ok' }], {
      tools: [{ ...list, input: z.looseObject({ value: z.string() }) }],
    })
    await rig.run()
    expect(runs).toBe(0)
    expect(rig.types()).toEqual(['run_started', 'thinking', 'error', 'thinking', 'text', 'done'])
    expect(rig.model.requests[1]?.body.messages.at(-1)?.content).toContain('too large')
  })

  it('gets a result for a tool that throws', async () => {
    const [result] = await resultOf(
      [{ calls: [call('c1')] }],
      [
        plainTool('echo', () => {
          throw new Error('no such luck')
        }),
      ],
    )
    expect(result).toMatchObject({ outcome: 'error', output: 'echo failed: no such luck' })
  })

  it('gets an id of its own for a call whose id was there before', async () => {
    const rig = await createRig([{ calls: [call('same', 'a')] }, { calls: [call('same', 'b')] }, { text: 'ok' }])
    await rig.run()
    const ids = rig
      .events()
      .filter((event) => event.type === 'tool_call')
      .map((event) => event.data.toolCallId)
    expect(new Set(ids).size).toBe(2)
    expect(
      rig
        .events()
        .filter((event) => event.type === 'tool_result')
        .map((event) => event.data.output),
    ).toEqual(['echo: a', 'echo: b'])
  })

  it('is asked to go on when its reply was cut or empty, and stopped at the third', async () => {
    const rig = await createRig([
      { text: 'Half a', finish: 'length' },
      { text: '' },
      { text: 'Half b', finish: 'length' },
    ])
    const done = await rig.run()
    expect(rig.model.requests[1]?.body.messages.at(-1)?.content).toContain('cut off at the output limit')
    expect(rig.model.requests[2]?.body.messages.at(-1)?.content).toContain('Your last reply was empty.')
    expect(done.data).toMatchObject({ reason: 'loop_detected', summary: 'Half b' })
  })

  it('is reminded of tasks that are left over before its reply ends the run', async () => {
    const plan: Tool = plainTool('update_tasks', (value, context) => {
      context.emit({ type: 'task_update', data: { tasks: [{ title: 'fix it', status: value as 'pending' }] } })
      return { output: 'noted', outcome: 'ok' }
    })
    const rig = await createRig(
      [
        { calls: [call('c1', 'pending', 'update_tasks')] },
        { text: 'Done?' },
        { calls: [call('c2', 'completed', 'update_tasks')] },
        { text: 'Done.' },
      ],
      { tools: [plan] },
    )
    const done = await rig.run()
    expect(rig.model.requests[2]?.body.messages.at(-1)?.content).toContain('- [pending] fix it')
    expect(done.data).toMatchObject({ reason: 'completed', summary: 'Done.' })
  })
})

describe('limits', () => {
  it('end a run with their reason, and say what to do', async () => {
    const rig = await createRig([step(1), step(2)])
    const done = await rig.run(limits({ maxSteps: 2 }))
    expect(done.data).toMatchObject({ reason: 'step_limit', steps: 2 })
    expect(done.data.message).toBe(
      'All 2 steps of this run are used. Resume the agent to go on from here; maxSteps sets how many a run may take.',
    )
  })

  it('are told to the model once at 80 %, in the log and in the request', async () => {
    const rig = await createRig([step(1), step(2), step(3), step(4), { text: 'ok' }])
    await rig.run(limits({ maxSteps: 5 }))
    const notices = rig
      .events()
      .flatMap((event) => (event.type === 'thinking' && event.data.notice ? [event.data] : []))
    expect(notices).toHaveLength(1)
    expect(notices[0]).toMatchObject({ step: 5 })
    expect(rig.model.requests[4]?.body.messages.at(-1)).toEqual({ role: 'user', content: notices[0]?.notice })
    expect(notices[0]?.notice).toContain('4 of 5 steps are used, 1 is left.')
  })

  it('count tokens of input and output together', async () => {
    const rig = await createRig([step(1, { input: 600, output: 100 }), step(2, { input: 600, output: 100 })])
    const done = await rig.run(limits({ maxTokens: 1_400 }))
    expect(done.data).toMatchObject({ reason: 'token_budget', inputTokens: 1_200, outputTokens: 200 })
  })

  it('end a run at the cost that the provider reports', async () => {
    const rig = await createRig([
      step(1, { input: 1, output: 1, costUsd: 0.6 }),
      step(2, { input: 1, output: 1, costUsd: 0.6 }),
    ])
    expect((await rig.run(limits({ maxCostUsd: 1 }))).data.reason).toBe('cost_budget')
  })

  it('end a run in the middle of a tool when its time is over', async () => {
    const clock = testClock()
    const wait = plainTool('echo', (_value, { signal }) => {
      setImmediate(() => clock.advance(600_000))
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ output: 'half', outcome: 'error' }))
      })
    })
    const rig = await createRig([{ calls: [call('c1'), call('c2')] }], { tools: [wait], clock })
    const done = await rig.run(limits({ maxDurationMs: 600_000 }))
    expect(done.data).toMatchObject({ reason: 'time_limit', durationMs: expect.any(Number) })
    const results = rig.events().filter((event) => event.type === 'tool_result')
    expect(results.map(({ data }) => data.outcome)).toEqual(['interrupted', 'interrupted'])
    expect(results[0]?.data.output).toBe('half')
  })
})

describe('the loop guard', () => {
  it('tells the model once, then ends the run', async () => {
    const same = (number: number) => ({ calls: [call(`c${number}`, 'again')] })
    const rig = await createRig([1, 2, 3, 4, 5, 6, 7, 8].map(same))
    const done = await rig.run()
    expect(rig.model.requests[4]?.body.messages.at(-1)?.content).toContain(
      'the same echo call gave the same result 4 times',
    )
    expect(done.data).toMatchObject({ reason: 'loop_detected', steps: 8 })
  })
})

/** What can go wrong at the provider itself: tests/integration/provider-trouble.test.ts. */
describe('provider trouble', () => {
  const retries = (rig: Awaited<ReturnType<typeof createRig>>) =>
    rig.events().filter((event) => event.data.code === 'provider_retry')

  it('leaves nothing of a cut answer in the log but a note that names the abandoned messages', async () => {
    const rig = await createRig([{ text: 'Half of', breaks: 'drop' }, { text: 'Whole.' }])
    await rig.run()
    expect(JSON.stringify(rig.events())).not.toContain('Half of')
    const [note] = retries(rig)
    const [text] = rig.events().filter((event) => event.type === 'text')
    expect(note?.data).toMatchObject({ detail: { attempt: 1, waitMs: 1_000 }, abandonedMessageIds: ['msg_1', 'msg_2'] })
    expect(text?.data.messageId).toBe('msg_4')
    expect(note?.data.message).toBe('The answer broke off: terminated: other side closed. Attempt 2 follows in 1 s.')
  })

  it('takes the abandoned text from those who come in the middle', async () => {
    let openAtRetry: string[] | null = null
    const rig = await createRig([
      { text: 'Half of', breaks: 'drop' },
      {
        text: 'Whole.',
        onRequest: () => {
          openAtRetry = rig.journal.openMessages().map((message) => message.text)
        },
      },
    ])
    await rig.run()
    expect(openAtRetry).toEqual([])
  })

  it.each<[string, Turn['refuse'] & object, string, string]>([
    ['no credit', { status: 402, code: 'credit_exhausted' }, 'provider_error', 'Then resume the agent.'],
    ['a budget that is used up', { status: 402, code: 'budget_exhausted' }, 'cost_budget', 'Raise that limit'],
    [
      'tokens that are used up',
      { status: 402, code: 'budget_exhausted', param: 'limits.maxTokens' },
      'token_budget',
      'Raise that limit',
    ],
    [
      'a missing key, though 409 is retried',
      { status: 409, code: 'model_key_missing' },
      'provider_error',
      'Then resume the agent.',
    ],
    [
      'a rejected key, though 502 is retried',
      { status: 502, code: 'model_key_rejected' },
      'provider_error',
      'Then resume the agent.',
    ],
  ])('ends the run at once when the gateway says so: %s', async (_name, refuse, reason, cure) => {
    const rig = await createRig([{ refuse }])
    const done = await rig.run()
    expect(done.data.reason).toBe(reason)
    expect(done.data.message).toContain(cure)
    expect(rig.model.requests).toHaveLength(1)
    expect(retries(rig)).toEqual([])
  })
})

describe('instructions of the repository', () => {
  it('stand in the system prompt, and nested ones come with the first file read under them', async () => {
    const workspace = textWorkspace({ 'AGENTS.md': 'Use tabs.', 'packages/a/AGENTS.md': 'No tabs here.' })
    const read = plainTool('read_file', (path) => ({ output: 'text', outcome: 'ok', detail: { path } }))
    const rig = await createRig(
      [
        { calls: [call('c1', 'packages/a/x.ts', 'read_file')] },
        { calls: [call('c2', 'packages/a/y.ts', 'read_file')] },
        { text: 'ok' },
      ],
      { workspace, tools: [read] },
    )
    await rig.run()
    expect(JSON.stringify(rig.model.requests[0]?.body.messages[0])).toContain('Use tabs.')
    const outputs = rig
      .events()
      .filter((event) => event.type === 'tool_result')
      .map((event) => event.data.output)
    expect(outputs[0]).toBe('text\n\n[packages/a/AGENTS.md applies to files under packages/a/]\nNo tabs here.')
    expect(outputs[1]).toBe('text')
  })
})
