/** The runs of an agent, newest first, and one of them. */
import { z } from 'zod'
import { BerthError } from '../../errors.ts'
import { requireAgent } from '../agent/require.ts'
import type { Page, RunView } from '../agent/schemas.ts'
import { toRunView } from '../agent/view.ts'
import type { Context } from '../context.ts'

export const listRunsInput = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.iso.datetime().optional(),
})

export async function listRuns(args: {
  ctx: Context
  input: z.infer<typeof listRunsInput> & { agentId: string }
}): Promise<Page<RunView>> {
  const { ctx, input } = args
  const agent = await requireAgent(ctx, input.agentId)
  const runs = await ctx.parts.stores.runs.list({
    agentId: agent.id,
    limit: input.limit + 1,
    ...(input.cursor && { before: new Date(input.cursor) }),
  })
  const shown = runs.slice(0, input.limit)
  const last = shown.at(-1)
  return {
    items: shown.map(toRunView),
    nextCursor: runs.length > input.limit && last ? last.createdAt.toISOString() : null,
  }
}

export async function getRun(args: { ctx: Context; input: { agentId: string; runId: string } }): Promise<RunView> {
  const agent = await requireAgent(args.ctx, args.input.agentId)
  const run = await args.ctx.parts.stores.runs.find(args.input.runId)
  if (!run || run.agentId !== agent.id) {
    throw new BerthError('not_found', `Agent ${agent.id} has no run "${args.input.runId.slice(0, 80)}".`, {
      hint: `GET /api/agents/${agent.id}/runs lists them.`,
    })
  }
  return toRunView(run)
}
