/** What another control plane on the database says: its events are shown to the readers here, its wishes done if they are ours to do. */
import type { Logger } from '../../logger.ts'
import type { Announcement, Stores } from '../../store/stores.ts'
import type { Supervisor } from '../agent/supervisor.ts'
import type { EventHub } from './hub.ts'

/** Read at a time. */
const PAGE = 200

/** Never rejects: what could not be heard is found in the rows, later. */
export async function hearNews(input: {
  news: Announcement
  stores: Stores
  hub: EventHub
  logger: Logger
  /** Null while the control plane is still starting. */
  supervisor: Supervisor | null
}): Promise<void> {
  const { news, stores, hub, logger, supervisor } = input
  try {
    if (news.kind === 'removed') hub.publish(news)
    else if (news.kind === 'log') await showLog({ news, stores, hub })
    else if (supervisor !== null) await doWish({ agentId: news.agentId, stores, supervisor })
  } catch (error) {
    logger.warn('news of another control plane could not be heard', { ...news, error })
  }
}

/** A listener that is told of an event it cannot place reads the log: the last one is enough. */
async function showLog(input: {
  news: Extract<Announcement, { kind: 'log' }>
  stores: Stores
  hub: EventHub
}): Promise<void> {
  const { news, stores, hub } = input
  if (!hub.hasListeners()) return
  const { agentId, ownerId, seq } = news
  for (let after = hub.lastSeq(agentId) ?? seq - 1; after < seq; ) {
    const events = await stores.events.listAfter({ agentId, after, limit: PAGE })
    const last = events.at(-1)
    if (last === undefined) return
    hub.publish({ kind: 'events', agentId, ownerId, events })
    after = last.seq
  }
}

/** A wish gives up what is under way; anything else is looked at when that is done. */
async function doWish(input: { agentId: string; stores: Stores; supervisor: Supervisor }): Promise<void> {
  const { agentId, stores, supervisor } = input
  const [agent, run] = await Promise.all([stores.agents.find(agentId), stores.runs.findOpen(agentId)])
  const ends = agent?.desired === 'stopped' || agent?.desired === 'purged'
  if (ends || (run?.status === 'PENDING' && run.cancelRequestedAt !== null)) supervisor.interrupt(agentId)
  else supervisor.wake(agentId)
}
