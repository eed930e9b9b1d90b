/** The one way in which an agent or its log is changed: decided and stored under the row lock, then told to the readers. */
import type { LogTransaction } from '../../store/stores.ts'
import type { Parts } from '../context.ts'

/** Runs `change` in a transaction of the agent's log; nothing is shown before it is stored, and all in the order stored. */
export async function writeLog<T>(
  parts: Pick<Parts, 'stores' | 'hub' | 'writes'>,
  agentId: string,
  change: (tx: LogTransaction) => Promise<T> | T,
): Promise<T> {
  return await parts.writes.run(agentId, async () => {
    const { result, agent, stored } = await parts.stores.log.write(agentId, change)
    if (stored.length > 0) parts.hub.publish({ kind: 'events', agentId, ownerId: agent.ownerId, events: stored })
    return result
  })
}
