/** The stores over a database of a test file's own, and a person to own agents. */
import { createPrismaClient } from '../../lib/store/client.ts'
import { createStores } from '../../lib/store/prisma-stores.ts'
import type { Stores } from '../../lib/store/stores.ts'
import { createTestDatabase } from './database.ts'

export interface TestStores {
  stores: Stores
  /** For what the stores do not show. */
  prisma: ReturnType<typeof createPrismaClient>
  close(): Promise<void>
}

/** The person is `usr_1`. */
export async function openTestStores(): Promise<TestStores> {
  const database = await createTestDatabase()
  const prisma = createPrismaClient(database.url)
  const stores = createStores(prisma)
  await stores.users.create({ id: 'usr_1', email: 'ada@example.com', name: 'Ada', role: 'owner' })
  return {
    stores,
    prisma,
    async close() {
      await prisma.$disconnect()
      await database.close()
    },
  }
}
