import { handle } from '../../../../lib/http/handle.ts'
import { purgeAgent, stopAgent } from '../../../../lib/services/agent/end.ts'
import { getAgent } from '../../../../lib/services/agent/list.ts'
import { deleteInput, emptyInput } from '../../../../lib/services/agent/schemas.ts'

export const GET = handle({ schema: emptyInput }, ({ ctx, param }) =>
  getAgent({ ctx, input: { agentId: param('agentId') } }),
)

/** With `purge=true` everything goes; else this is stop. */
export const DELETE = handle({ schema: deleteInput }, async ({ ctx, input, param }) => {
  const agentId = param('agentId')
  if (input.purge !== 'true') return Response.json(await stopAgent({ ctx, input: { agentId } }), { status: 202 })
  await purgeAgent({ ctx, input: { agentId } })
  return new Response(null, { status: 204 })
})
