/**
 * Live streams of the log. What is stored comes in order and once, read from the database where news were missed; deltas
 * are passed on as they are and dropped for a reader that is behind: inbox.ts says when it is.
 */
import { z } from 'zod'
import type { DeltaEvent } from '../../../container/contract/events.ts'
import type { StoredEvent } from '../../domain/agent.ts'
import { requireAgent } from '../agent/require.ts'
import type { EventView } from '../agent/schemas.ts'
import type { Context } from '../context.ts'
import type { HubMessage } from './hub.ts'
import { createInbox } from './inbox.ts'
import { toEventView } from './page.ts'

export const streamAllInput = z.strictObject({
  agents: z
    .string()
    .transform((list) => list.split(',').filter((id) => id !== ''))
    .optional(),
})

/** Where a stream begins: after `Last-Event-ID`, which a browser sends by itself, else after `after`. */
export function readStreamPosition(lastEventId: string | null, after: number | undefined): number {
  return lastEventId !== null && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : (after ?? 0)
}

const PAGE = 200

export type StreamItem =
  | { kind: 'event'; agentId: string; event: EventView }
  | { kind: 'delta'; agentId: string; event: EventView }

/** One agent's log after `after`, then live, until the signal aborts or the agent is removed. */
export async function* streamEvents(args: {
  ctx: Context
  input: { agentId: string; after: number; signal: AbortSignal }
}): AsyncGenerator<StreamItem> {
  const { ctx, input } = args
  const { hub, stores } = ctx.parts
  const { agentId, signal } = input
  await requireAgent(ctx, agentId)
  const inbox = createInbox(hub.subscribe, (message) => message.agentId === agentId, signal)
  try {
    let last = input.after
    let caughtUp = false
    for (;;) {
      if (!caughtUp) {
        for (;;) {
          const events = await stores.events.listAfter({ agentId, after: last, limit: PAGE })
          for (const event of events) {
            yield { kind: 'event', agentId, event: toEventView(event) }
            last = event.seq
          }
          if (events.length === 0) break
        }
        for (const delta of hub.unfinished(agentId)) yield { kind: 'delta', agentId, event: toDeltaView(delta) }
        caughtUp = true
      }
      const message = await inbox.next()
      if (message === 'end') return
      if (message === 'overflow') {
        caughtUp = false
        continue
      }
      if (message.kind === 'removed') return
      if (message.kind === 'delta') {
        yield { kind: 'delta', agentId, event: toDeltaView(message.delta) }
        continue
      }
      const fresh: StoredEvent[] = message.events.filter((event) => event.seq > last)
      const first = fresh[0]
      if (first && first.seq !== last + 1) {
        caughtUp = false
        continue
      }
      for (const event of fresh) {
        yield { kind: 'event', agentId, event: toEventView(event) }
        last = event.seq
      }
    }
  } finally {
    inbox.close()
  }
}

/** Live news of all agents that the actor may see, or those named: for a tab. It has no past: pages give that. */
export async function* streamAll(args: {
  ctx: Context
  input: { agentIds: string[] | null; signal: AbortSignal }
}): AsyncGenerator<StreamItem | { kind: 'removed'; agentId: string }> {
  const { ctx, input } = args
  const wanted = input.agentIds && new Set(input.agentIds)
  const maySee = (message: HubMessage) =>
    message.ownerId === ctx.actor.userId && (wanted === null || wanted.has(message.agentId))
  const inbox = createInbox(ctx.parts.hub.subscribe, maySee, input.signal)
  try {
    for (;;) {
      const message = await inbox.next()
      if (message === 'end' || message === 'overflow') return
      if (message.kind === 'removed') yield { kind: 'removed', agentId: message.agentId }
      else if (message.kind === 'delta')
        yield { kind: 'delta', agentId: message.agentId, event: toDeltaView(message.delta) }
      else
        for (const event of message.events) yield { kind: 'event', agentId: message.agentId, event: toEventView(event) }
    }
  } finally {
    inbox.close()
  }
}

function toDeltaView(delta: DeltaEvent): EventView {
  return { seq: 0, type: delta.type, runId: delta.runId, createdAt: new Date().toISOString(), data: delta.data }
}
