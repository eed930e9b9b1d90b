/** The actor's agents, latest activity first, in pages; and one of them. */
import { BerthError } from '../../errors.ts'
import type { Context } from '../context.ts'
import { requireAgent } from './require.ts'
import type { AgentView, ListAgentsInput, Page } from './schemas.ts'
import { readAgentView, toAgentView } from './view.ts'

export async function listAgents({ ctx, input }: { ctx: Context; input: ListAgentsInput }): Promise<Page<AgentView>> {
  const { stores } = ctx.parts
  const agents = await stores.agents.list({
    ownerId: ctx.actor.userId,
    limit: input.limit + 1,
    ...(input.status && { status: input.status }),
    ...(input.q && { q: input.q }),
    ...(input.cursor && { cursor: readCursor(input.cursor) }),
  })
  const shown = agents.slice(0, input.limit)
  const ids = shown.map((agent) => agent.id)
  const [runs, waiting] = await Promise.all([stores.runs.findLatestOf(ids), stores.queue.countOf(ids)])
  const last = shown.at(-1)
  return {
    items: shown.map((agent) =>
      toAgentView(ctx, agent, { run: runs.get(agent.id) ?? null, queued: waiting.get(agent.id) ?? 0 }),
    ),
    nextCursor: agents.length > input.limit && last ? `${last.updatedAt.getTime()}.${last.id}` : null,
  }
}

export async function getAgent({ ctx, input }: { ctx: Context; input: { agentId: string } }): Promise<AgentView> {
  return await readAgentView(ctx, await requireAgent(ctx, input.agentId))
}

function readCursor(cursor: string): { updatedAt: Date; id: string } {
  const match = /^(\d{1,15})\.([\w-]+)$/.exec(cursor)
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new BerthError('validation_failed', `The cursor "${cursor.slice(0, 80)}" is not one of this list.`, {
      hint: 'Send the nextCursor of the page before, as it came.',
      fields: [{ path: 'cursor', message: 'is not a cursor of this list' }],
    })
  }
  return { updatedAt: new Date(Number(match[1])), id: match[2] }
}
