import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JournalAppend, Stores } from '../../../../lib/store/stores.ts'
import { makeNewAgent } from '../../../support/new-agent.ts'
import { openTestStores, type TestStores } from '../../../support/test-stores.ts'

let database: TestStores
let stores: Stores

beforeAll(async () => {
  database = await openTestStores()
  stores = database.stores
})

afterAll(() => database.close())

const AT = '2026-01-05T10:00:00.000Z'
/** Fencing number of own_a, by agent. */
const fences = new Map<string, number>()
const takeOver = (agentId: string, owner: string) => stores.leases.acquire({ agentId, owner, leaseMs: -1 })

/** An agent with a run, held by own_a, of whose journal one event is stored. */
async function agentAtWork(id: string): Promise<string> {
  await stores.agents.create(makeNewAgent({ id, ownerId: 'usr_1' }))
  fences.set(id, (await takeOver(id, 'own_a')) ?? 0)
  await stores.log.write(id, async (tx) => {
    await tx.createRun({ id: `run_${id}`, task: 'x', inputEventId: 'evt_x' })
    tx.appendJournal('jnl_1', 1, { type: 'run_started', runId: `run_${id}`, at: AT, data: {} })
  })
  return id
}

/** Two events after `after`, with which the run comes to step 7. */
function append(agentId: string, after: number, changes: Partial<JournalAppend> = {}) {
  const runId = `run_${agentId}`
  const events = [
    { type: 'thinking', runId, at: AT, data: { step: 7 } },
    { type: 'text', runId, at: AT, data: { text: 'a\0b' } },
  ]
  const step = { runId, step: 7 }
  const holder = { owner: 'own_a', fence: fences.get(agentId) ?? 0 }
  const input = { agentId, journalId: 'jnl_1', after, events, maxBytes: 1_000_000, step, holder }
  return stores.log.appendJournal({ ...input, ...changes })
}

const logOf = (agentId: string) => stores.events.listAfter({ agentId, after: 0, limit: 1_000 })

describe('what follows in a journal', () => {
  it('is stored in its place, cleaned, with the step that the run has come to', async () => {
    const id = await agentAtWork('agt_follows')
    const appended = await append(id, 1)
    const [, ...events] = await logOf(id)
    expect(appended).toEqual({ ownerId: 'usr_1', lastSeq: 3, stored: events })
    expect(events).toMatchObject([
      { seq: 2, type: 'thinking', runId: `run_${id}`, createdAt: new Date(AT), data: { step: 7 } },
      { seq: 3, type: 'text', data: { text: 'a\ufffdb' } },
    ])
    expect(await stores.agents.journalPosition(id)).toEqual({ journalId: 'jnl_1', n: 3 })
    expect((await stores.runs.find(`run_${id}`))?.steps).toBe(7)
    const kept = await database.prisma.event.findMany({
      where: { agentId: id, journalId: 'jnl_1' },
      orderBy: { seq: 'asc' },
    })
    expect(kept.map(({ journalN }) => journalN)).toEqual([1, 2, 3])
  })

  it('is not stored where the run has no room left for it', async () => {
    const id = await agentAtWork('agt_full')
    const { journalBytes: before } = await database.prisma.agent.findUniqueOrThrow({ where: { id } })
    expect(await append(id, 1)).not.toBeNull()
    const { journalBytes: after } = await database.prisma.agent.findUniqueOrThrow({ where: { id } })
    expect(after - before).toBeGreaterThan(2 * 512)
    expect(await append(id, 3, { maxBytes: after + (after - before) - 1 })).toBeNull()
    expect(await logOf(id)).toHaveLength(3)
    expect(await append(id, 3, { maxBytes: after + (after - before) })).not.toBeNull()
  })

  it('is stored once and without gaps, however many say it at once and write beside it', async () => {
    const id = await agentAtWork('agt_once')
    const appending = Array.from({ length: 10 }, () => append(id, 1))
    const writing = Array.from({ length: 10 }, () =>
      stores.log.write(id, (tx) => tx.append('status', { status: 'READY' })),
    )
    const appended = await Promise.all(appending)
    await Promise.all(writing)
    expect(appended.filter((one) => one !== null)).toHaveLength(1)
    const events = await logOf(id)
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 13 }, (_, index) => index + 1))
    expect(events.filter(({ type }) => type === 'thinking')).toHaveLength(1)
  })

  it('is not stored where the log does not stand before it', async () => {
    const id = await agentAtWork('agt_elsewhere')
    expect(await append(id, 0)).toBeNull()
    expect(await append(id, 2)).toBeNull()
    expect(await append(id, 1, { journalId: 'jnl_2' })).toBeNull()
    expect(await append('agt_gone', 1)).toBeNull()
    expect(await logOf(id)).toHaveLength(1)
  })

  it('leaves the steps of a run that has ended', async () => {
    const id = await agentAtWork('agt_ended')
    await stores.log.write(id, (tx) => tx.updateRun(`run_${id}`, { status: 'ENDED', steps: 4 }))
    expect(await append(id, 1)).not.toBeNull()
    expect((await stores.runs.find(`run_${id}`))?.steps).toBe(4)
  })

  it('is not stored for one who holds the agent no more, even if that comes while the row is waited for', async () => {
    const id = await agentAtWork('agt_taken')
    expect(await append(id, 1, { holder: { owner: 'own_a', fence: 2 } })).toBeNull()
    const locked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const other = stores.log.write(id, async (tx) => {
      locked.resolve()
      await release.promise
      tx.append('status', { status: 'READY' })
    })
    await locked.promise
    const waiting = append(id, 1)
    await expect.poll(countWaiting).toBe(1)
    expect(await takeOver(id, 'own_b')).toBeGreaterThan(fences.get(id) ?? 0)
    release.resolve()
    await other
    expect(await waiting).toBeNull()
    expect((await logOf(id)).map(({ type }) => type)).toEqual(['run_started', 'status'])
  })
})

it('what every step waits for is planned once for each connection', async () => {
  const id = await agentAtWork('agt_prepared')
  for (const after of [1, 3, 5]) await append(id, after)
  const rows = await database.prisma.$queryRaw<{ name: string; uses: bigint }[]>`
    SELECT name, generic_plans + custom_plans AS uses FROM pg_prepared_statements WHERE name = 'append-journal'`
  expect(rows).toEqual([{ name: 'append-journal', uses: expect.any(BigInt) }])
  expect(Number(rows[0]?.uses)).toBeGreaterThan(1)
})

/** Statements of this database that wait for a row. */
async function countWaiting(): Promise<number> {
  const rows = await database.prisma.$queryRaw<{ waiting: bigint }[]>`
    SELECT count(*) AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`
  return Number(rows[0]?.waiting)
}
