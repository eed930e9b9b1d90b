/** All stores over one client. */
import { createUserStore } from './account-store.ts'
import { createAgentStore, createEventStore, createRunStore } from './agent-store.ts'
import type { PrismaClient } from './generated/client.ts'
import { createIdempotencyStore, createInstallationStore, createLeaseStore } from './installation-store.ts'
import { createLogStore } from './log-store.ts'
import { createModelCallStore } from './model-call-store.ts'
import { createQueueStore } from './queue-store.ts'
import type { Stores } from './stores.ts'

export function createStores(prisma: PrismaClient): Stores {
  return {
    installation: createInstallationStore(prisma),
    users: createUserStore(prisma),
    agents: createAgentStore(prisma),
    runs: createRunStore(prisma),
    queue: createQueueStore(prisma),
    events: createEventStore(prisma),
    log: createLogStore(prisma),
    leases: createLeaseStore(prisma),
    modelCalls: createModelCallStore(prisma),
    idempotency: createIdempotencyStore(prisma),
    async ping() {
      await prisma.$queryRaw`SELECT 1`
    },
  }
}
