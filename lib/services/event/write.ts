/**
 * The one way in which an agent or its log is changed: decided and stored under the row lock, or in one statement where nothing
 * has to be decided; then told to the readers.
 */
import type { StoredEvent } from '../../domain/agent.ts'
import type { Holder, JournalAppend, LogTransaction, ModelCallSettlement } from '../../store/stores.ts'
import type { Parts } from '../context.ts'

type WriteParts = Pick<Parts, 'stores' | 'hub' | 'writes' | 'announcements' | 'logger'>
export type HolderParts = WriteParts & Pick<Parts, 'holdings'>

/** Runs `change` in a transaction of the agent's log; nothing is shown before it is stored, and all in the order stored. */
export async function writeLog<T>(
  parts: WriteParts,
  agentId: string,
  change: (tx: LogTransaction) => Promise<T> | T,
): Promise<T> {
  return await write(parts, { agentId, change, holder: undefined })
}

/** Settles a model call and shows its `usage`; nothing when it was settled before, or is gone with its agent. */
export async function writeSettlement(parts: WriteParts, settlement: ModelCallSettlement): Promise<void> {
  const { agentId } = settlement
  await parts.writes.run(agentId, async () => {
    const appended = await parts.stores.log.settleModelCall(settlement)
    if (appended) show(parts, { agentId, ...appended })
  })
}

/**
 * The same for what only the holder of the agent may write: its worker, and what comes from its sandbox. Throws what
 * `isLeaseLost` knows, with nothing stored, when another control plane has taken the agent over.
 */
export async function writeAsHolder<T>(
  parts: HolderParts,
  agentId: string,
  change: (tx: LogTransaction) => Promise<T> | T,
): Promise<T> {
  return await write(parts, { agentId, change, holder: () => parts.holdings.holderOf(agentId) })
}

/** Appends what a journal says next, if the log stands where that begins and this control plane is the holder. True when it did. */
export async function appendAsHolder(parts: HolderParts, input: Omit<JournalAppend, 'holder'>): Promise<boolean> {
  const { agentId } = input
  return await parts.writes.run(agentId, async () => {
    const appended = await parts.stores.log.appendJournal({ ...input, holder: parts.holdings.holderOf(agentId) })
    if (appended) show(parts, { agentId, ...appended })
    return appended !== null
  })
}

async function write<T>(
  parts: WriteParts,
  input: {
    agentId: string
    change: (tx: LogTransaction) => Promise<T> | T
    holder: (() => Holder) | undefined
  },
): Promise<T> {
  const { agentId, change, holder } = input
  return await parts.writes.run(agentId, async () => {
    const { result, agent, stored } = await parts.stores.log.write(agentId, change, holder?.())
    if (stored.length > 0) show(parts, { agentId, ...agent, stored })
    return result
  })
}

function show(
  parts: WriteParts,
  news: { agentId: string; ownerId: string; lastSeq: number; stored: StoredEvent[] },
): void {
  const { agentId, ownerId, lastSeq, stored } = news
  parts.hub.publish({ kind: 'events', agentId, ownerId, events: stored })
  announce(parts, { kind: 'log', agentId, ownerId, seq: lastSeq })
}

/** To the other control planes, if there can be any. What they miss they find in the rows, later. */
export function announce(
  { announcements, logger }: Pick<Parts, 'announcements' | 'logger'>,
  news: Parameters<NonNullable<Parts['announcements']>['announce']>[0],
): void {
  announcements
    ?.announce(news)
    .catch((error: unknown) => logger.warn('other control planes could not be told', { ...news, error }))
}
