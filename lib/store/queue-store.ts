/** Words that wait for a run. Read here; changed under the agent's row lock only (log-store.ts). */
import type { QueuedMessage } from '../domain/agent.ts'
import type { Prisma } from './generated/client.ts'
import type { QueueStore } from './stores.ts'

type Db = Pick<Prisma.TransactionClient, 'queuedMessage'>

export async function listQueue(db: Db, agentId: string): Promise<QueuedMessage[]> {
  const rows = await db.queuedMessage.findMany({ where: { agentId }, orderBy: { position: 'asc' } })
  return rows.map(toQueuedMessage)
}

export function toQueuedMessage(row: Prisma.QueuedMessageModel): QueuedMessage {
  const { userId, userName, mode, ...rest } = row
  return { ...rest, from: { userId, name: userName }, mode: mode as QueuedMessage['mode'] }
}

export function createQueueStore(db: Pick<Prisma.TransactionClient, 'queuedMessage'>): QueueStore {
  return {
    list: (agentId) => listQueue(db, agentId),
    async lastPosition(agentId) {
      const last = await db.queuedMessage.findFirst({
        where: { agentId },
        orderBy: { position: 'desc' },
        select: { position: true },
      })
      return last?.position ?? 0
    },
    async countOf(agentIds) {
      const rows = await db.queuedMessage.groupBy({
        by: ['agentId'],
        where: { agentId: { in: agentIds } },
        _count: { _all: true },
      })
      return new Map(rows.map((row) => [row.agentId, row._count._all]))
    },
  }
}
