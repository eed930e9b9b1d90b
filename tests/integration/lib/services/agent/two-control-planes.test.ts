/** Two control planes on one database: one holds an agent, the other sees it, asks for it, and takes it over when it must. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BerthError, isLeaseLost } from '../../../../../lib/errors.ts'
import { createHoldings } from '../../../../../lib/services/agent/holdings.ts'
import type { Parts } from '../../../../../lib/services/context.ts'
import { streamEvents } from '../../../../../lib/services/event/stream.ts'
import { writeAsHolder } from '../../../../../lib/services/event/write.ts'
import { ada as here, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson, type Person } from '../../../../support/person.ts'

let other: Parts
/** The same person at the other. */
let there: Person

startFreshControlPlanes()
beforeEach(async () => {
  other = await plane.boot('own_other')
  there = createPerson(plane, { ...plane.ctx, parts: other })
})
afterEach(() => {
  vi.useRealTimers()
})

/** An agent after its run, waiting, held by the first. */
async function createReady() {
  const id = await here.createRunning()
  plane.bridge.end('completed', 'Done.')
  await plane.untilAtRest(id)
  await plane.settle(id)
  return id
}

const eventsOf = (agentId: string) => other.stores.events.listAfter({ agentId, after: 0, limit: 1_000 })
const deliveries = (events: { type: string }[]) => events.filter(({ type }) => type === 'pull_request')

/** As if 30 s had passed without a renewal of the first. */
const expireLease = (agentId: string) => plane.parts.stores.leases.release(agentId, plane.parts.instanceId)

/** The other one takes the agent over, and is connected. */
async function takeOver(agentId: string) {
  await expireLease(agentId)
  await other.supervisor.settle(agentId)
}

describe('an agent that is held', () => {
  it('is left alone by another control plane', async () => {
    const id = await here.createRunning()
    await other.supervisor.settle(id)
    expect(other.supervisor.connection(id)).toBeNull()
    expect(plane.bridge.openTunnels()).toHaveLength(2)
  })

  it.each([-3_600_000, 3_600_000])('stays so where the clock of another is %d ms off', async (offMs) => {
    const id = await here.createRunning()
    vi.useFakeTimers({ now: Date.now() + offMs, toFake: ['Date'] })
    expect(await other.holdings.acquire(id)).toBeNull()
    expect(await other.stores.agents.listUnheld()).toEqual([])
    // And where its own holder's is.
    expect(await plane.parts.holdings.renew()).toEqual([])
    vi.useRealTimers()
    expect(await other.holdings.acquire(id)).toBeNull()
    expect(await other.stores.agents.listUnheld()).toEqual([])
  })

  it('is told words, cancelled and stopped through either', async () => {
    const id = await here.createRunning()
    const attended = new Promise<void>((resolve) => {
      plane.bridge.onAttend = () => resolve()
    })
    await there.say(id, 'Also the docs')
    await attended
    await there.cancel(id)
    await plane.until(id, ({ type, data }) => type === 'done' && data.reason === 'cancelled')
    await plane.untilAtRest(id)
    await there.stop(id)
    await plane.until(id, ({ type, data }) => type === 'status' && data.status === 'IDLE')
    expect(await plane.containers(id)).toEqual([])
    expect(plane.bridge.calls.filter((call) => call.startsWith('cancel'))).toHaveLength(1)
  })

  it('brings its pull request through either, also when both ask at once', async () => {
    const id = await createReady()
    const before = deliveries(await eventsOf(id)).length
    expect((await there.openPullRequest(id)).pullRequest).toMatchObject({ action: 'updated', number: 1 })
    expect(deliveries(await eventsOf(id))).toHaveLength(before + 1)
    const asked = [there, here, there].map((person) => person.openPullRequest(id))
    for (const { pullRequest } of await Promise.all(asked)) {
      expect(pullRequest).toMatchObject({ action: 'updated', number: 1 })
    }
    expect(plane.forge.pullRequests).toHaveLength(1)
    expect(other.supervisor.connection(id)).toBeNull()
  })

  it('is purged through either: gone when the call is answered', async () => {
    const id = await here.createRunning()
    await there.purge(id)
    expect(await other.stores.agents.find(id)).toBeNull()
    expect(await plane.containers(id)).toEqual([])
    expect(plane.driver.files({ installationId: 'ins_test', agentId: id })).toBeNull()
    expect(plane.bridge.openTunnels()).toEqual([])
  })

  it('that cannot be purged says why through either', async () => {
    const id = await createReady()
    plane.driver.setReachable(false)
    await expect(there.purge(id)).rejects.toMatchObject({ code: 'engine_unreachable' })
    expect(await other.stores.agents.find(id)).toMatchObject({ status: 'FAILED', desired: 'purged' })
  })

  it('is watched live through the other, every event once and in order', async () => {
    const id = await here.createRunning()
    const leaving = new AbortController()
    const seqs: number[] = []
    const reading = (async () => {
      const { ctx } = there
      for await (const item of streamEvents({ ctx, input: { agentId: id, after: 0, signal: leaving.signal } })) {
        if (item.event.seq > 0) seqs.push(item.event.seq)
        if (item.event.type === 'done') return
      }
    })()
    for (let step = 1; step <= 20; step += 1) {
      plane.bridge.say('thinking', { step, maxSteps: 20, tokensUsed: 0, maxTokens: null })
    }
    plane.bridge.end('completed', 'Done.')
    await reading
    leaving.abort()
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })
})

describe('an agent that was taken over', () => {
  it('goes on with the other: same container, one run, two tunnels, nothing lost', async () => {
    const id = await here.createRunning()
    const [before] = await plane.containers(id)
    // The first has died: its connections are gone with it.
    await plane.parts.supervisor.close()
    plane.bridge.say('text', { step: 1, messageId: 'm', text: 'said while nobody listened' })
    await takeOver(id)
    expect(plane.bridge.openTunnels()).toHaveLength(2)
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toMatchObject([{ engineId: before?.engineId }])
    expect(plane.bridge.commands).toHaveLength(1)
    const events = await eventsOf(id)
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    expect(events.filter(({ type }) => type === 'text')).toHaveLength(1)
    expect(plane.forge.pullRequests).toHaveLength(1)
  })

  it('takes no late write of the first: nothing of it is stored', async () => {
    const id = await here.createRunning()
    await expireLease(id)
    const { holdings } = plane.parts
    const stale = holdings.holderOf(id)
    const taken = createHoldings({ leases: other.stores.leases, owner: 'own_other' })
    expect(await taken.acquire(id)).toBeGreaterThan(stale.fence)
    const before = (await other.stores.agents.find(id))?.lastSeq
    const late = writeAsHolder(plane.parts, id, (tx) => {
      tx.append('status', { status: 'RUNNING', message: 'too late' })
    })
    expect(isLeaseLost(await late.catch((error: unknown) => error))).toBe(true)
    expect((await other.stores.agents.find(id))?.lastSeq).toBe(before)
  })

  it('is let go of by the first as soon as it renews', async () => {
    const id = await here.createRunning()
    await expireLease(id)
    await createHoldings({ leases: other.stores.leases, owner: 'own_other' }).acquire(id)
    expect(await plane.parts.holdings.renew()).toEqual([id])
    const connection = plane.parts.supervisor.connection(id)
    plane.parts.supervisor.letGo(id)
    await connection?.closed
    await plane.settle(id)
    expect(plane.parts.supervisor.connection(id)).toBeNull()
  })

  it('is made anew on its volumes where its bridge cannot be reached from there, and its run goes on', async () => {
    const id = await here.createRunning()
    const [before] = await plane.containers(id)
    await plane.parts.supervisor.close()
    plane.driver.files({ installationId: 'ins_test', agentId: id })?.set('/workspace/kept', 'yes')
    plane.bridge.refusal = new BerthError('sandbox_lost', 'The bridge did not answer within 15000 ms.')
    plane.driver.onCreate = () => {
      plane.bridge.refusal = null
      plane.bridge.crash()
    }
    await takeOver(id)
    const after = await plane.containers(id)
    expect(after).toHaveLength(1)
    expect(after[0]?.incarnation).not.toBe(before?.incarnation)
    expect(plane.driver.files({ installationId: 'ins_test', agentId: id })?.get('/workspace/kept')).toBe('yes')
    expect(plane.bridge.commands.map(({ continued }) => continued)).toEqual([false, true])
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(await other.stores.runs.findLatest(id)).toMatchObject({ reason: 'completed', continuedCount: 1 })
  })

  it('keeps its container when a step of the first fails that does not know of it yet', async () => {
    const id = await here.createRunning()
    const [before] = await plane.containers(id)
    const { cancel } = plane.bridge.client
    // The first hangs in the middle of a step for longer than its lease lasts, and then the step fails.
    const hanging = Promise.withResolvers<void>()
    const late = Promise.withResolvers<never>()
    plane.bridge.client.cancel = () => {
      hanging.resolve()
      return late.promise
    }
    await here.cancel(id)
    await hanging.promise
    plane.bridge.client.cancel = cancel
    await takeOver(id)
    late.reject(new BerthError('sandbox_lost', 'The bridge did not answer /agent/cancel in time.'))
    await plane.settle(id)
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toEqual([before])
    expect(await other.stores.agents.find(id)).toMatchObject({ status: 'READY' })
  })

  it('takes the wish for a pull request along', async () => {
    const id = await createReady()
    await plane.parts.supervisor.close()
    const asked = there.openPullRequest(id)
    await takeOver(id)
    expect((await asked).pullRequest).toMatchObject({ action: 'updated', number: 1 })
    expect(plane.forge.pullRequests).toHaveLength(1)
    expect(plane.bridge.openTunnels()).toHaveLength(2)
  })

  it('is found by its expired lease', async () => {
    const id = await here.createRunning()
    expect(await other.stores.agents.listUnheld()).toEqual([])
    await expireLease(id)
    expect((await other.stores.agents.listUnheld()).map((agent) => agent.id)).toEqual([id])
  })
})

describe('both asked at once', () => {
  it('begin one run in one container', async () => {
    plane.bridge.onExecute = () => {}
    const { id } = await here.create()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? here : there).start(id)),
    )
    expect(new Set(answers.map(({ run }) => run?.id)).size).toBe(1)
    await plane.until(id, ({ type }) => type === 'run_started')
    await Promise.all([plane.settle(id), other.supervisor.settle(id)])
    expect(plane.bridge.commands).toHaveLength(1)
    expect(plane.bridge.openTunnels()).toHaveLength(2)
    expect(await plane.containers(id)).toHaveLength(1)
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await there.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands).toHaveLength(2)
  })
})
