/** What a model call may cost, and what it is settled with when its answer is whole, breaks off or is never heard. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { GenerationRecord, ModelInfo } from '../../../../../lib/drivers/model/port.ts'
import type { ModelUsage } from '../../../../../lib/gateway/ports.ts'
import { changeAgent } from '../../../../../lib/services/agent/change.ts'
import type { CreateAgentInput } from '../../../../../lib/services/agent/schemas.ts'
import type { CoreParts } from '../../../../../lib/services/context.ts'
import { createModelMeter } from '../../../../../lib/services/model-call/meter.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

const MODEL: ModelInfo = {
  id: 'anthropic/claude-sonnet-4.6',
  name: 'Sonnet',
  contextTokens: 1_000_000,
  maxOutputTokens: 100_000,
  inputPriceUsdPerMTok: 3,
  outputPriceUsdPerMTok: 15,
  cacheWritePriceUsdPerMTok: 4,
}
const USAGE = { inputTokens: 900, outputTokens: 50, cachedInputTokens: 0, reasoningTokens: 0 }
const REPORTED = { ...USAGE, costUsd: 0.002, generationId: 'gen-1', complete: true }
const CUT: ModelUsage = { ...USAGE, costUsd: null, generationId: 'gen-1', complete: false }
const MINUTE = 60_000

let records: Map<string, GenerationRecord | Error>
let aheadMs: number

startFreshControlPlanes()
beforeEach(() => {
  records = new Map()
  aheadMs = 0
})

/** A control plane's meter: each call is a process of its own that knows nothing of the others. */
function bootMeter(model: ModelInfo | null = MODEL) {
  const { parts } = plane
  const core: CoreParts = {
    ...parts,
    clock: { ...parts.clock, now: () => new Date(Date.now() + aheadMs) },
    modelCatalog: { list: async () => (model ? [model] : null), find: async () => model },
    generations: {
      find: async (id) => {
        const record = records.get(id) ?? null
        if (record instanceof Error) throw record
        return record
      },
    },
  }
  return createModelMeter(core)
}

type Limits = NonNullable<CreateAgentInput['limits']>

async function startRun(limits: Limits = {}) {
  const agentId = await ada.createRunning({ limits })
  const run = await plane.parts.stores.runs.findOpen(agentId)
  if (!run) throw new Error('the run did not begin')
  return { agentId, runId: run.id, modelId: MODEL.id }
}

const ask = (call: { agentId: string; runId: string; modelId: string }, maxTokens: number | null = 10_000) => ({
  ...call,
  promptTokens: 1_000,
  maxTokens,
})
/** Prompt at the price of the cache, and the whole answer. */
const HELD = 0.004 + 0.15
const run = (id: string) => plane.parts.stores.runs.find(id)
const usageEvents = async (agentId: string) =>
  (await plane.parts.stores.events.listOfTypes({ agentId, types: ['usage'] })).map(({ data }) => data)

describe('a model call', () => {
  it('gets the longest answer that its limit still pays for, and what it did not use is free again', async () => {
    const call = await startRun({ maxCostUsd: 0.5 })
    const { access } = bootMeter()
    const first = await access.begin(ask(call, 30_000))
    expect(first).toMatchObject({ maxTokens: 30_000, apiKey: 'sk-or-test' })
    // 0.5 - (0.004 + 0.45) - 0.004 = 0.042
    const second = await access.begin(ask(call, 30_000))
    expect(second.maxTokens).toBe(2_800)
    await access.settle({ ...call, modelCallId: first.modelCallId, usage: REPORTED, cut: false })
    expect((await access.begin(ask(call, 30_000))).maxTokens).toBe(29_866)
    expect(await run(call.runId)).toMatchObject({ costUsd: 0.002, inputTokens: 900, outputTokens: 50 })
  })

  it('is one of many at once of which no more pass than the limit pays for', async () => {
    const call = await startRun({ maxCostUsd: 1 })
    const meters = [bootMeter(), bootMeter()]
    const asked = Array.from({ length: 24 }, (_, index) => meters[index % 2]?.access.begin(ask(call)))
    const outcomes = await Promise.allSettled(asked)
    const granted = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value?.maxTokens ?? 0] : [],
    )
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    const held = granted.reduce((sum, maxTokens) => sum + 0.004 + maxTokens * 0.000015, 0)
    expect(held).toBeLessThanOrEqual(1)
    expect(granted.filter((maxTokens) => maxTokens === 10_000)).toHaveLength(6)
    expect(new Set(refused)).toEqual(new Set(['rate_limited']))
  })

  it('is told to wait while another holds what it needs, and refused when it is spent', async () => {
    const call = await startRun({ maxCostUsd: HELD })
    const { access } = bootMeter()
    const { modelCallId } = await access.begin(ask(call))
    await expect(access.begin(ask(call))).rejects.toMatchObject({
      code: 'rate_limited',
      message: 'What is left of a limit is held by another call of this agent, until its price is known.',
    })
    await access.settle({ ...call, modelCallId, usage: { ...REPORTED, costUsd: HELD }, cut: false })
    await expect(access.begin(ask(call))).rejects.toMatchObject({
      code: 'budget_exhausted',
      message: 'The limit of $0.154 a run is reached.',
    })
  })

  it('without a price is held by tokens, with or without a figure in dollars', async () => {
    const call = await startRun({ maxCostUsd: 1, maxTokens: 12_000 })
    const { access } = bootMeter(null)
    const { modelCallId, maxTokens } = await access.begin(ask(call, 50_000))
    expect(maxTokens).toBe(11_000)
    await access.settle({ ...call, modelCallId, usage: { ...REPORTED, costUsd: null }, cut: false })
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: null, inputTokens: 900 }])
    expect((await access.begin(ask(call, 50_000))).maxTokens).toBe(10_050)
  })

  it('of a provider that counts tokens and no money costs what the catalogue says', async () => {
    const call = await startRun()
    const { access } = bootMeter()
    const { modelCallId } = await access.begin(ask(call))
    await access.settle({ ...call, modelCallId, usage: { ...REPORTED, costUsd: null }, cut: false })
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: 0.00435, complete: true }])
  })

  it('is held to the day’s limit too', async () => {
    const call = await startRun({ maxCostUsdPerDay: 0.1 })
    const { access } = bootMeter()
    const { modelCallId } = await access.begin(ask(call, 1_000))
    await access.settle({ ...call, modelCallId, usage: { ...REPORTED, costUsd: 0.1 }, cut: false })
    await expect(access.begin(ask(call))).rejects.toMatchObject({
      message: 'The limit of $0.1 a day (UTC) is reached.',
    })
    aheadMs = 24 * 60 * MINUTE
    await expect(access.begin(ask(call))).resolves.toMatchObject({ maxTokens: 6_400 })
  })

  it('of a run that is not the agent’s in progress, or with another model, is refused', async () => {
    const call = await startRun()
    const { access } = bootMeter()
    await expect(access.begin(ask({ ...call, runId: 'run_other' }))).rejects.toMatchObject({ code: 'state_conflict' })
    await expect(access.begin(ask({ ...call, modelId: 'other/model' }))).rejects.toMatchObject({
      code: 'model_forbidden',
      message: 'This run may use anthropic/claude-sonnet-4.6, not other/model.',
    })
  })
})

describe('a run', () => {
  it('keeps the model that it began with, whatever the agent is given for its next', async () => {
    const call = await startRun()
    await changeAgent({ ctx: ada.ctx, input: { agentId: call.agentId, changes: { model: 'other/model' } } })
    const { access } = bootMeter()
    await expect(access.begin(ask(call))).resolves.toMatchObject({ maxTokens: 10_000 })
    await expect(access.begin(ask({ ...call, modelId: 'other/model' }))).rejects.toMatchObject({
      code: 'model_forbidden',
    })
    plane.bridge.onExecute = () => plane.bridge.end('completed')
    plane.bridge.end('completed')
    await plane.untilAtRest(call.agentId)
    await ada.resume(call.agentId, 'Go on')
    await plane.untilAtRest(call.agentId)
    expect(plane.bridge.commands.map(({ model }) => model.id)).toEqual([MODEL.id, 'other/model'])
  })
})

describe('an answer that breaks off', () => {
  async function cutCall(usage: Partial<ModelUsage> = {}, limits: Limits = {}) {
    const call = await startRun(limits)
    const meter = bootMeter()
    const { modelCallId } = await meter.access.begin(ask(call))
    await meter.access.settle({ ...call, modelCallId, usage: { ...CUT, ...usage }, cut: true })
    return { call, meter }
  }

  it('costs what the provider’s record says, and holds the most it may cost until that is there', async () => {
    const { call, meter } = await cutCall()
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toEqual([])
    expect(
      (await plane.parts.stores.modelCalls.readBudget({ agentId: call.agentId, today: new Date() }))?.spending,
    ).toMatchObject({ heldUsd: HELD })
    records.set('gen-1', { ...USAGE, outputTokens: 700, reasoningTokens: 600, costUsd: 0.0134 })
    await meter.settleOpenCalls()
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toMatchObject([
      { costUsd: 0.0134, outputTokens: 700, reasoningTokens: 600, complete: true },
    ])
    expect((await run(call.runId))?.costUsd).toBe(0.0134)
  })

  it('costs in full when the record does not come, and no sooner', async () => {
    const { call, meter } = await cutCall()
    aheadMs = 1.9 * MINUTE
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toEqual([])
    aheadMs = 2.1 * MINUTE
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toMatchObject([
      { costUsd: HELD, inputTokens: 900, outputTokens: 50, complete: false },
    ])
  })

  it('waits for a provider that cannot be asked', async () => {
    const { call, meter } = await cutCall()
    records.set('gen-1', new Error('no network'))
    aheadMs = 60 * MINUTE
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toEqual([])
    records.set('gen-1', { ...USAGE, costUsd: 0.01 })
    await meter.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: 0.01 }])
  })

  it('costs in full at once when there is nothing to ask by', async () => {
    const { call } = await cutCall({ generationId: null, outputTokens: 0 })
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: HELD, complete: false }])
  })

  it('costs all the tokens it might have used where tokens are limited', async () => {
    const { call } = await cutCall({ generationId: null }, { maxTokens: 50_000 })
    expect(await usageEvents(call.agentId)).toMatchObject([{ inputTokens: 900, outputTokens: 10_100 }])
  })

  it('after the provider’s figure came costs that figure', async () => {
    const { call } = await cutCall(REPORTED)
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: 0.002, complete: true }])
  })
})

describe('a control plane that is killed during a call', () => {
  it('leaves it to the next one, which asks the provider what it cost', async () => {
    const call = await startRun()
    const killed = bootMeter()
    const { modelCallId } = await killed.access.begin(ask(call))
    await killed.access.noteGeneration({ modelCallId, generationId: 'gen-7' })
    records.set('gen-7', { ...USAGE, costUsd: 0.03 })
    // While it lives, it leaves the call alone.
    await killed.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toEqual([])
    const next = bootMeter()
    await next.settleOpenCalls()
    await next.settleOpenCalls()
    expect(await usageEvents(call.agentId)).toMatchObject([{ modelCallId, costUsd: 0.03, complete: true }])
    expect((await run(call.runId))?.costUsd).toBe(0.03)
    await expect(next.access.begin(ask(call))).resolves.toMatchObject({ maxTokens: 10_000 })
  })

  it('before the provider named it leaves it to be settled in full', async () => {
    const call = await startRun()
    await bootMeter().access.begin(ask(call))
    await bootMeter().settleOpenCalls()
    expect(await usageEvents(call.agentId)).toMatchObject([{ costUsd: HELD, inputTokens: 1_000, outputTokens: 0 }])
    expect((await plane.parts.stores.agents.find(call.agentId))?.costUsd).toBe(HELD)
  })

  it('and of which another, living one holds the agent is none of its business', async () => {
    const call = await startRun()
    await bootMeter().access.begin(ask(call))
    const other = { ...plane.parts, instanceId: 'own_other' }
    await createModelMeter(other).settleOpenCalls()
    expect(await usageEvents(call.agentId)).toEqual([])
  })
})
