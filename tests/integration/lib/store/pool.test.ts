import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isBerthError } from '../../../../lib/errors.ts'
import { causeChain } from '../../../../lib/logger.ts'
import { createPrismaClient } from '../../../../lib/store/client.ts'
import { createStores } from '../../../../lib/store/prisma-stores.ts'
import type { Stores } from '../../../../lib/store/stores.ts'
import { createTestDatabase } from '../../../support/database.ts'
import { makeNewAgent } from '../../../support/new-agent.ts'
import { type PostgresFront, startPostgresFront } from '../../../support/postgres-front.ts'

const DEADLINES = { connectTimeoutMs: 400, answerTimeoutMs: 400 }

let stores: Stores
let front: PostgresFront
let closers: (() => Promise<void>)[]

beforeEach(async () => {
  const database = await createTestDatabase()
  front = await startPostgresFront(database.url)
  const prisma = createPrismaClient(front.url, DEADLINES)
  stores = createStores(prisma)
  closers = [() => prisma.$disconnect(), () => front.close(), () => database.close()]
  await stores.installation.ensure('ins_1')
  await stores.users.create({ id: 'usr_1', email: 'ada@example.com', name: 'Ada', role: 'owner' })
})
afterEach(async () => {
  for (const close of closers) await close()
})

async function codeOf(asking: Promise<unknown>): Promise<string> {
  return asking.then(
    () => 'answered',
    (error: unknown) => (isBerthError(error) ? error.code : String(error)),
  )
}

/** Read, write and transaction: each goes another way through the driver. */
function askInEveryWay(): Promise<string[]> {
  return Promise.all([
    codeOf(stores.ping()),
    codeOf(stores.users.findById('usr_1')),
    codeOf(stores.installation.chooseDriver('docker')),
    codeOf(stores.log.write('agt_none', () => undefined)),
  ])
}

const AWAY = Array(4).fill('database_unreachable')
const THERE = ['answered', 'answered', 'answered', 'not_found']

describe('a database that goes away', () => {
  it('and takes no connection is told from everything else, and used again when it is back', async () => {
    expect(await askInEveryWay()).toEqual(THERE)
    await front.cut()
    expect(await askInEveryWay()).toEqual(AWAY)
    await front.restore()
    expect(await askInEveryWay()).toEqual(THERE)
  })

  it('without a word is given up after the deadline, and used again when it is back', async () => {
    expect(await askInEveryWay()).toEqual(THERE)
    front.hold()
    expect(await askInEveryWay()).toEqual(AWAY)
    await front.restore()
    await expect.poll(askInEveryWay, { timeout: 10_000 }).toEqual(THERE)
  })

  it('in the middle of a transaction leaves nothing of it', async () => {
    await stores.agents.create(makeNewAgent({ id: 'agt_1', ownerId: 'usr_1' }))
    const writing = stores.log.write('agt_1', async (tx) => {
      tx.append('status', { status: 'READY' })
      await front.cut()
    })
    expect(await codeOf(writing)).toBe('database_unreachable')
    await front.restore()
    expect(await stores.events.listAfter({ agentId: 'agt_1', after: 0, limit: 10 })).toEqual([])
    await stores.log.write('agt_1', (tx) => void tx.append('status', { status: 'IDLE' }))
    expect(await stores.events.listAfter({ agentId: 'agt_1', after: 0, limit: 10 })).toMatchObject([
      { seq: 1, data: { status: 'IDLE' } },
    ])
  })

  it('says so in words with what to do, its cause beside them', async () => {
    await front.cut()
    // The first one may be told on the connection that was there.
    await codeOf(stores.ping())
    const error = await stores.ping().catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      message: 'The database does not answer.',
      hint: 'Try again in a moment; if it stays, look at the database server.',
    })
    expect(causeChain(error).messages.join()).toContain(`connect ECONNREFUSED 127.0.0.1:${front.port}`)
  })
})
