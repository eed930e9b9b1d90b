/** Pages of an agent's log: forwards from `after`, or the last ones before `before`. */
import { z } from 'zod'
import type { StoredEvent } from '../../domain/agent.ts'
import { requireAgent } from '../agent/require.ts'
import type { EventView, Page } from '../agent/schemas.ts'
import type { Context } from '../context.ts'

export const pageEventsInput = z.strictObject({
  after: z.coerce.number().int().min(0).optional(),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
  cursor: z.coerce.number().int().min(0).optional(),
})

/** `nextCursor` goes on in the direction asked: a number for `after` (also as `cursor`), or for `before`. */
export async function pageEvents(args: {
  ctx: Context
  input: z.infer<typeof pageEventsInput> & { agentId: string }
}): Promise<Page<EventView>> {
  const { ctx, input } = args
  const agent = await requireAgent(ctx, input.agentId)
  const { events } = ctx.parts.stores
  const limit = input.limit
  if (input.before !== undefined) {
    const items = await events.listBefore({ agentId: agent.id, before: input.before, limit })
    const first = items[0]
    return { items: items.map(toEventView), nextCursor: first && first.seq > 1 ? String(first.seq) : null }
  }
  const items = await events.listAfter({ agentId: agent.id, after: input.cursor ?? input.after ?? 0, limit })
  const last = items.at(-1)
  return { items: items.map(toEventView), nextCursor: last && last.seq < agent.lastSeq ? String(last.seq) : null }
}

export function toEventView(event: StoredEvent): EventView {
  return {
    seq: event.seq,
    type: event.type,
    runId: event.runId,
    createdAt: event.createdAt.toISOString(),
    data: event.data,
  }
}
