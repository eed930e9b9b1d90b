/** A server with a zone of its own, as a distribution's PostgreSQL has: times come back as they were stored. */
import { expect, it } from 'vitest'
import { createPrismaClient } from '../../../../lib/store/client.ts'
import { createStores } from '../../../../lib/store/prisma-stores.ts'
import { createTestDatabase } from '../../../support/database.ts'
import { makeNewAgent } from '../../../support/new-agent.ts'

it.each([
  ['Asia/Tokyo', ''],
  ['America/St_Johns', '?options=-c%20statement_timeout%3D60000'],
])('times are the same on a server in %s, asked with "%s"', async (zone, parameters) => {
  const database = await createTestDatabase()
  const setting = createPrismaClient(database.url)
  const name = new URL(database.url).pathname.slice(1)
  await setting.$executeRawUnsafe(`ALTER DATABASE "${name}" SET timezone TO '${zone}'`)
  await setting.$disconnect()
  const prisma = createPrismaClient(`${database.url}${parameters}`)
  const stores = createStores(prisma)
  try {
    await stores.users.create({ id: 'usr_1', email: 'ada@example.com', name: 'Ada', role: 'owner' })
    const before = Date.now()
    const { id, createdAt } = await stores.agents.create(makeNewAgent({ id: 'agt_1', ownerId: 'usr_1' }))
    const { stored } = await stores.log.write(id, (tx) => tx.append('status', { status: 'READY' }))
    const [event] = await stores.events.listAfter({ agentId: id, after: 0, limit: 1 })
    const agent = await stores.agents.find(id)
    const after = Date.now()
    const times = [createdAt, stored[0]?.createdAt, event?.createdAt, agent?.createdAt, agent?.updatedAt]
    for (const time of times) {
      expect(time?.getTime()).toBeGreaterThanOrEqual(before)
      expect(time?.getTime()).toBeLessThanOrEqual(after)
    }
  } finally {
    await prisma.$disconnect()
    await database.close()
  }
})
