/** All stores over one client. */
import { createUserStore } from './account-store.ts'
import { createAgentStore, createEventStore, createRunStore } from './agent-store.ts'
import type { PrismaClient } from './generated/client.ts'
import { createIdempotencyStore, createInstallationStore, createLeaseStore } from './installation-store.ts'
import { createLogStore } from './log-store.ts'
import { createModelCallStore } from './model-call-store.ts'
import { inWords } from './pool.ts'
import { createQueueStore } from './queue-store.ts'
import type { Stores } from './stores.ts'

export function createStores(prisma: PrismaClient): Stores {
  return inWords({
    installation: inWords(createInstallationStore(prisma)),
    users: inWords(createUserStore(prisma)),
    agents: inWords(createAgentStore(prisma)),
    runs: inWords(createRunStore(prisma)),
    queue: inWords(createQueueStore(prisma)),
    events: inWords(createEventStore(prisma)),
    log: inWords(createLogStore(prisma)),
    leases: inWords(createLeaseStore(prisma)),
    modelCalls: inWords(createModelCallStore(prisma)),
    idempotency: inWords(createIdempotencyStore(prisma)),
    async ping() {
      await prisma.$queryRaw`SELECT 1`
    },
  })
}
