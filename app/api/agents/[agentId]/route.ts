import { handle } from '../../../../lib/http/handle.ts'
import { changeAgent } from '../../../../lib/services/agent/change.ts'
import { purgeAgent, stopAgent } from '../../../../lib/services/agent/end.ts'
import { getAgent } from '../../../../lib/services/agent/list.ts'
import { changeAgentInput, deleteInput, emptyInput } from '../../../../lib/services/agent/schemas.ts'

export const GET = handle({ schema: emptyInput }, ({ ctx, param }) =>
  getAgent({ ctx, input: { agentId: param('agentId') } }),
)

export const PATCH = handle({ schema: changeAgentInput }, ({ ctx, input, param }) =>
  changeAgent({ ctx, input: { agentId: param('agentId'), changes: input } }),
)

/** With `purge=true` everything goes; else this is stop. */
export const DELETE = handle({ schema: deleteInput }, async ({ ctx, input, param }) => {
  const agentId = param('agentId')
  if (input.purge !== 'true') return Response.json(await stopAgent({ ctx, input: { agentId } }), { status: 202 })
  await purgeAgent({ ctx, input: { agentId } })
  return new Response(null, { status: 204 })
})
