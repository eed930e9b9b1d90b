/** Words that wait for a run in progress: a person sees them, changes them and takes them back until the run has them. */
import type { QueuedMessage } from '../../domain/agent.ts'
import { BerthError } from '../../errors.ts'
import { requireAgent } from '../agent/require.ts'
import type { Page, QueuedMessageView } from '../agent/schemas.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'

interface QueuedInput {
  agentId: string
  messageId: string
}

export function toQueuedMessageView({ id, text, from, mode, createdAt }: QueuedMessage): QueuedMessageView {
  return { id, text, from, mode, createdAt: createdAt.toISOString() }
}

/** In the order in which they will be taken. */
export async function listQueue({
  ctx,
  input,
}: {
  ctx: Context
  input: { agentId: string }
}): Promise<Page<QueuedMessageView>> {
  const agent = await requireAgent(ctx, input.agentId)
  const waiting = await ctx.parts.stores.queue.list(agent.id)
  return { items: waiting.map(toQueuedMessageView), nextCursor: null }
}

/** Throws `not_found` when it was taken, or never there. */
export async function rewordQueued({
  ctx,
  input,
}: {
  ctx: Context
  input: QueuedInput & { message: string }
}): Promise<QueuedMessageView> {
  const agent = await requireAgent(ctx, input.agentId)
  return await writeLog(ctx.parts, agent.id, async (tx) => {
    if (!(await tx.rewordQueued(input.messageId, input.message))) throw notWaiting(input.messageId)
    const reworded = (await tx.queue()).find(({ id }) => id === input.messageId)
    if (reworded === undefined) throw notWaiting(input.messageId)
    return toQueuedMessageView(reworded)
  })
}

/** Throws `not_found` when it was taken, or never there. */
export async function removeQueued({ ctx, input }: { ctx: Context; input: QueuedInput }): Promise<void> {
  const agent = await requireAgent(ctx, input.agentId)
  await writeLog(ctx.parts, agent.id, async (tx) => {
    if (!(await tx.dequeue(input.messageId))) throw notWaiting(input.messageId)
  })
}

function notWaiting(messageId: string): BerthError {
  return new BerthError('not_found', `No message "${messageId.slice(0, 100)}" waits for this agent.`, {
    hint: 'The run has taken it, or it was removed: the events of the agent say which.',
  })
}
