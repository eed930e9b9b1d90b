import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Stores } from '../../../../lib/store/stores.ts'
import { makeNewAgent } from '../../../support/new-agent.ts'
import { openTestStores, type TestStores } from '../../../support/test-stores.ts'

let database: TestStores
let stores: Stores

beforeAll(async () => {
  database = await openTestStores()
  stores = database.stores
})

afterAll(() => database.close())

async function agent(id: string) {
  return await stores.agents.create(makeNewAgent({ id, ownerId: 'usr_1' }))
}

describe('the log', () => {
  it('numbers events without gaps when many write at once', async () => {
    const { id } = await agent('agt_many')
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        stores.log.write(id, (tx) => tx.append('status', { status: 'READY', message: `${index}` })),
      ),
    )
    const events = await stores.events.listAfter({ agentId: id, after: 0, limit: 100 })
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    expect((await stores.agents.find(id))?.lastSeq).toBe(40)
  })

  it('keeps nothing of a change that throws', async () => {
    const { id } = await agent('agt_throws')
    const change = stores.log.write(id, async (tx) => {
      tx.append('status', { status: 'FAILED' })
      tx.update({ status: 'FAILED' })
      await tx.createRun({ id: 'run_lost', task: 'x', inputEventId: 'evt_x' })
      throw new Error('changed my mind')
    })
    await expect(change).rejects.toThrow('changed my mind')
    expect(await stores.events.listAfter({ agentId: id, after: 0, limit: 10 })).toEqual([])
    expect((await stores.agents.find(id))?.status).toBe('IDLE')
    expect(await stores.runs.find('run_lost')).toBeNull()
  })

  it('gives the transaction the agent as it is under the lock', async () => {
    const { id } = await agent('agt_locked')
    await stores.log.write(id, (tx) => tx.update({ status: 'READY', statusDetail: { code: 'x' } }))
    const { result } = await stores.log.write(id, (tx) => ({ ...tx.agent }))
    expect(result).toEqual(await stores.agents.find(id))
    expect(result).toMatchObject({ status: 'READY', statusDetail: { code: 'x' }, readRepos: ['a/b'] })
    expect(result.createdAt).toBeInstanceOf(Date)
  })

  it('refuses a second open run of one agent', async () => {
    const { id } = await agent('agt_two_runs')
    await stores.log.write(id, (tx) => tx.createRun({ id: 'run_a', task: 'a', inputEventId: 'evt_a' }))
    await expect(
      stores.log.write(id, (tx) => tx.createRun({ id: 'run_b', task: 'b', inputEventId: 'evt_b' })),
    ).rejects.toThrow(/Unique constraint/)
    await stores.log.write(id, (tx) => tx.updateRun('run_a', { status: 'ENDED' }))
    await stores.log.write(id, (tx) => tx.createRun({ id: 'run_b', task: 'b', inputEventId: 'evt_b' }))
    expect((await stores.runs.findOpen(id))?.id).toBe('run_b')
  })

  it('leaves of a run what the patch does not name', async () => {
    const { id } = await agent('agt_patches')
    await stores.log.write(id, (tx) => tx.createRun({ id: 'run_patches', task: 'x', inputEventId: 'evt_x' }))
    const endedAt = new Date('2026-01-05T10:00:00.123Z')
    await stores.log.write(id, (tx) => tx.updateRun('run_patches', { status: 'ENDED', reason: 'completed', endedAt }))
    await stores.log.write(id, (tx) => tx.updateRun('run_patches', { steps: 3 }))
    expect(await stores.runs.find('run_patches')).toMatchObject({
      status: 'ENDED',
      reason: 'completed',
      endedAt,
      steps: 3,
      task: 'x',
    })
  })

  it('stores U+0000 and lone surrogates as U+FFFD', async () => {
    const { id } = await agent('agt_text')
    await stores.log.write(id, (tx) => tx.append('message', { text: 'a\0b\ud800c', from: null }))
    const [event] = await stores.events.listAfter({ agentId: id, after: 0, limit: 1 })
    expect(event?.data.text).toBe('a\uFFFDb\uFFFDc')
  })

  it('answers not_found for an agent that is gone', async () => {
    await expect(stores.log.write('agt_gone', (tx) => tx.update({ status: 'READY' }))).rejects.toMatchObject({
      code: 'not_found',
      message: 'There is no agent agt_gone.',
    })
  })
})

describe('the calls of a tool', () => {
  it('are read a page at a time with their results, without what these put out', async () => {
    const { id } = await agent('agt_calls')
    const long = 'x'.repeat(100_000)
    let n = 0
    const write = (runId: string) =>
      stores.log.write(id, (tx) => {
        for (let index = 0; index < 60; index += 1) {
          for (const tool of ['run_command', 'write_file']) {
            const data = { step: 1, toolCallId: `${tool}_${index}`, tool }
            const event = { runId, at: '2026-01-01T00:00:00Z' }
            const result = { ...data, outcome: 'ok', output: long, durationMs: 1 }
            tx.appendJournal('jrn_1', ++n, { ...event, type: 'tool_call', data: { ...data, input: { command: long } } })
            tx.appendJournal('jrn_1', ++n, { ...event, type: 'tool_result', data: result })
          }
        }
      })
    for (const runId of ['run_calls', 'run_other']) await write(runId)
    const read = (after: number) =>
      stores.events.listToolAfter({ agentId: id, runId: 'run_calls', tool: 'run_command', after, limit: 100 })
    const pages = [await read(0)]
    for (let last = pages.at(-1)?.at(-1); last !== undefined; last = pages.at(-1)?.at(-1))
      pages.push(await read(last.seq))
    // Of the calls some forty fit a page; their results take no room.
    expect(pages.map((page) => page.length)).toEqual([expect.any(Number), expect.any(Number), 0])
    expect(pages[0]?.length).toBeGreaterThan(60)
    const events = pages.flat()
    expect(events.map(({ data }) => data.toolCallId)).toEqual(
      Array.from({ length: 60 }, (_, index) => [`run_command_${index}`, `run_command_${index}`]).flat(),
    )
    expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set(['run_calls']))
    expect(events.filter(({ data }) => 'output' in data)).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'tool_result', data: { outcome: 'ok', tool: 'run_command' } })
  })
})

describe('agents', () => {
  it('are one for a repository and target branch', async () => {
    await agent('agt_branch')
    await expect(
      stores.agents.create(makeNewAgent({ id: 'agt_other', ownerId: 'usr_1', targetBranch: 'berth/agt_branch' })),
    ).rejects.toMatchObject({
      code: 'branch_in_use',
      message: 'Another agent works on acme/widgets with the target branch "berth/agt_branch".',
    })
  })

  it('are listed latest first, page by page, without one missing or doubled', async () => {
    for (const number of [1, 2, 3, 4, 5]) await agent(`agt_page_${number}`)
    const seen: string[] = []
    let cursor: { updatedAt: Date; id: string } | undefined
    for (;;) {
      const page = await stores.agents.list({ ownerId: 'usr_1', q: 'agt_page_', limit: 2, ...(cursor && { cursor }) })
      const last = page.at(-1)
      if (!last) break
      seen.push(...page.map((item) => item.id))
      cursor = { updatedAt: last.updatedAt, id: last.id }
    }
    expect(seen.toSorted()).toEqual([1, 2, 3, 4, 5].map((number) => `agt_page_${number}`))
  })
})

describe('leases', () => {
  const acquire = (agentId: string, owner: string) => stores.leases.acquire({ agentId, owner, leaseMs: 30_000 })
  /** As if its time had run out. */
  const expire = (agentId: string) =>
    database.prisma.$executeRaw`UPDATE "Lease" SET "expiresAt" = now() - interval '1 ms' WHERE "agentId" = ${agentId}`

  it('belong to one owner until they expire, and every change of hands raises the fence', async () => {
    const { id } = await agent('agt_lease')
    const [before] = await database.prisma.$queryRaw<
      { ms: bigint }[]
    >`SELECT (extract(epoch FROM now()) * 1000)::bigint AS "ms"`
    const first = (await acquire(id, 'own_a')) ?? 0
    expect(first).toBeGreaterThanOrEqual(Number(before?.ms) - 1)
    expect(await acquire(id, 'own_b')).toBeNull()
    const again = (await acquire(id, 'own_a')) ?? 0
    expect(again).toBeGreaterThan(first)
    expect(await stores.leases.acquire({ agentId: id, owner: 'own_a', held: again, leaseMs: 30_000 })).toBe(again)
    await expire(id)
    expect(await acquire(id, 'own_b')).toBeGreaterThan(again)
    await stores.leases.release(id, 'own_b')
    // A clock that is behind gives no number again.
    const ahead = Date.now() + 3_600_000
    await database.prisma.lease.update({ where: { agentId: id }, data: { fence: ahead } })
    expect(await acquire(id, 'own_a')).toBe(ahead + 1)
  })

  it('that were released stay so when their last owner renews the others', async () => {
    const [kept, released] = [(await agent('agt_kept')).id, (await agent('agt_released')).id]
    for (const agentId of [kept, released]) await acquire(agentId, 'own_c')
    await stores.leases.release(released, 'own_c')
    await expire(kept)
    expect(await stores.leases.renew('own_c', 60_000)).toEqual([kept])
    expect(await acquire(kept, 'own_d')).toBeNull()
    expect(await acquire(released, 'own_d')).toEqual(expect.any(Number))
  })
})
