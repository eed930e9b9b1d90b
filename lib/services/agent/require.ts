/** Finding what a request names, for those who may see it. To anyone else it does not exist. */
import type { Agent } from '../../domain/agent.ts'
import { BerthError } from '../../errors.ts'
import type { Context } from '../context.ts'

/** The agent, when it is the actor's own. Throws `not_found` otherwise: nobody learns that another's agent exists. */
export async function requireAgent(ctx: Context, agentId: string): Promise<Agent> {
  const agent = await requireAgentOrItsRest(ctx, agentId)
  if (agent.desired === 'purged') throw notFound(agentId)
  return agent
}

/** The same, also when it is being deleted: for a delete that is said again. */
export async function requireAgentOrItsRest(ctx: Context, agentId: string): Promise<Agent> {
  const agent = await ctx.parts.stores.agents.find(agentId)
  if (!agent || agent.ownerId !== ctx.actor.userId) throw notFound(agentId)
  return agent
}

function notFound(agentId: string): BerthError {
  return new BerthError('not_found', `There is no agent "${agentId.slice(0, 80)}" among yours.`, {
    hint: 'GET /api/agents lists them.',
  })
}
