import { afterAll, beforeAll, expect, it } from 'vitest'
import type { BudgetState, Stores } from '../../../../lib/store/stores.ts'
import { makeNewAgent } from '../../../support/new-agent.ts'
import { openTestStores, type TestStores } from '../../../support/test-stores.ts'

const TODAY = new Date(new Date().setUTCHours(0, 0, 0, 0))

let database: TestStores
let stores: Stores

beforeAll(async () => {
  database = await openTestStores()
  stores = database.stores
})

afterAll(() => database.close())

async function agentWithRun(id: string) {
  const agent = makeNewAgent({ id, ownerId: 'usr_1' })
  await stores.agents.create({ ...agent, limits: { ...agent.limits, maxCostUsdPerDay: 3 } })
  await stores.log.write(id, (tx) => tx.createRun({ id: `run_${id}`, task: 'x', inputEventId: `evt_${id}` }))
}

const read = (agentId: string) => stores.modelCalls.readBudget({ agentId, today: TODAY })

async function budget(agentId: string): Promise<BudgetState> {
  const state = await read(agentId)
  if (!state) throw new Error(`${agentId} has no open run`)
  return state
}

async function open(id: string, agentId: string, version?: number, runId = `run_${agentId}`) {
  return await stores.modelCalls.open({
    id,
    agentId,
    runId,
    model: 'm',
    promptTokens: 60,
    reservedTokens: 100,
    reservedUsd: 0.25,
    version: version ?? (await budget(agentId)).version,
  })
}

function settle(id: string, agentId: string, costUsd: number) {
  const figures = {
    inputTokens: 3,
    outputTokens: 2,
    cachedInputTokens: 1,
    reasoningTokens: 0,
    costUsd,
    complete: false,
  }
  return stores.log.settleModelCall({
    id,
    agentId,
    runId: `run_${agentId}`,
    usage: { ...figures, generationId: null },
    event: { model: 'm', modelCallId: id, ...figures },
  })
}

it('holds what open calls may use until they are settled', async () => {
  await agentWithRun('agt_holds')
  expect(await open('mdl_a', 'agt_holds')).toBe(true)
  expect(await open('mdl_b', 'agt_holds')).toBe(true)
  const spending = { runHeldUsd: 0.5, heldUsd: 0.5, runHeldTokens: 200, totalUsd: 0, todayUsd: 0 }
  expect((await budget('agt_holds')).spending).toMatchObject(spending)
  await settle('mdl_a', 'agt_holds', 0.01)
  expect((await budget('agt_holds')).spending).toMatchObject({
    runHeldUsd: 0.25,
    heldUsd: 0.25,
    runHeldTokens: 100,
    totalUsd: 0.01,
    todayUsd: 0.01,
  })
})

it('opens one call on one state, however many were reckoned on it', async () => {
  await agentWithRun('agt_races')
  const { version } = await budget('agt_races')
  const opened = await Promise.all(
    Array.from({ length: 20 }, (_, index) => open(`mdl_race_${index}`, 'agt_races', version)),
  )
  expect(opened.filter(Boolean)).toHaveLength(1)
  expect((await budget('agt_races')).spending.heldUsd).toBe(0.25)
})

it('opens none on a state that a settled call has changed', async () => {
  await agentWithRun('agt_stale')
  await open('mdl_stale', 'agt_stale')
  const { version } = await budget('agt_stale')
  await settle('mdl_stale', 'agt_stale', 0.1)
  expect(await open('mdl_later', 'agt_stale', version)).toBe(false)
})

it('opens none for a run that is over, was cancelled, or is another agent’s', async () => {
  for (const id of ['agt_over', 'agt_cancelled', 'agt_mine', 'agt_theirs']) await agentWithRun(id)
  const { version } = await budget('agt_over')
  await stores.log.write('agt_over', (tx) => tx.updateRun('run_agt_over', { status: 'ENDED' }))
  expect(await open('mdl_over', 'agt_over', version)).toBe(false)
  expect(await read('agt_over')).toBeNull()
  await stores.log.write('agt_cancelled', (tx) => tx.updateRun('run_agt_cancelled', { cancelRequestedAt: new Date() }))
  expect((await budget('agt_cancelled')).run.cancelRequested).toBe(true)
  expect(await open('mdl_cancelled', 'agt_cancelled')).toBe(false)
  expect(await open('mdl_theirs', 'agt_mine', undefined, 'run_agt_theirs')).toBe(false)
})

it('settles a call once, however many settle it, together with what it changes', async () => {
  await agentWithRun('agt_settles')
  await open('mdl_1', 'agt_settles')
  const settled = await Promise.all(Array.from({ length: 8 }, () => settle('mdl_1', 'agt_settles', 0.2)))
  const events = await stores.events.listAfter({ agentId: 'agt_settles', after: 0, limit: 10 })
  expect(events).toMatchObject([{ seq: 1, type: 'usage', runId: 'run_agt_settles', data: { modelCallId: 'mdl_1' } }])
  expect(settled.filter((appended) => appended !== null)).toEqual([{ ownerId: 'usr_1', lastSeq: 1, stored: events }])
  expect(await stores.agents.find('agt_settles')).toMatchObject({ costUsd: 0.2, lastSeq: 1 })
  expect(await stores.runs.find('run_agt_settles')).toMatchObject({ costUsd: 0.2, inputTokens: 3, outputTokens: 2 })
  const kept = await database.prisma.modelCall.findUnique({ where: { id: 'mdl_1' } })
  expect(kept).toMatchObject({ inputTokens: 3, outputTokens: 2, complete: false, generationId: null })
  expect(await stores.modelCalls.find('mdl_1')).toBeNull()
})

it('settles no call of another agent, nor one that is gone', async () => {
  for (const id of ['agt_payer', 'agt_other_payer']) await agentWithRun(id)
  await open('mdl_payer', 'agt_payer')
  expect(await settle('mdl_payer', 'agt_other_payer', 0.2)).toBeNull()
  await stores.agents.remove('agt_payer')
  expect(await settle('mdl_payer', 'agt_payer', 0.2)).toBeNull()
  expect((await stores.agents.find('agt_other_payer'))?.costUsd).toBe(0)
})

it('counts what a settled call of yesterday cost to the total and not to today', async () => {
  await agentWithRun('agt_days')
  await open('mdl_yesterday', 'agt_days')
  await database.prisma.modelCall.update({
    where: { id: 'mdl_yesterday' },
    data: { createdAt: new Date(TODAY.getTime() - 1) },
  })
  expect((await budget('agt_days')).spending.heldUsd).toBe(0.25)
  await settle('mdl_yesterday', 'agt_days', 2)
  expect((await budget('agt_days')).spending).toMatchObject({ totalUsd: 2, todayUsd: 0, heldUsd: 0 })
})

it('lists open calls but those of agents that another living control plane holds', async () => {
  for (const id of ['agt_free', 'agt_own', 'agt_other', 'agt_dead']) {
    await agentWithRun(id)
    await open(`mdl_${id}`, id)
  }
  const lease = (agentId: string, owner: string, leaseMs: number) => stores.leases.acquire({ agentId, owner, leaseMs })
  await lease('agt_own', 'own_me', 30_000)
  await lease('agt_other', 'own_other', 30_000)
  await lease('agt_dead', 'own_dead', -1)
  await stores.modelCalls.noteGeneration('mdl_agt_own', 'gen-1')
  const cutAt = new Date()
  await stores.modelCalls.noteCut('mdl_agt_free', { inputTokens: 7, outputTokens: 8, generationId: 'gen-2', cutAt })
  const listed = await stores.modelCalls.listOpen({ instanceId: 'own_me', limit: 100 })
  const mine = listed.filter(({ id }) => ['mdl_agt_free', 'mdl_agt_own', 'mdl_agt_other', 'mdl_agt_dead'].includes(id))
  expect(mine).toMatchObject([
    { id: 'mdl_agt_free', generationId: 'gen-2', inputTokens: 7, outputTokens: 8, cutAt, reservedUsd: 0.25 },
    { id: 'mdl_agt_own', generationId: 'gen-1', inputTokens: 60, outputTokens: null, cutAt: null },
    { id: 'mdl_agt_dead', generationId: null },
  ])
})
