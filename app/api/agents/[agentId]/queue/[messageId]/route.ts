import { handle } from '../../../../../../lib/http/handle.ts'
import { emptyInput, rewordInput } from '../../../../../../lib/services/agent/schemas.ts'
import { removeQueued, rewordQueued } from '../../../../../../lib/services/queue/queue.ts'

export const PATCH = handle({ schema: rewordInput }, ({ ctx, input, param }) =>
  rewordQueued({ ctx, input: { agentId: param('agentId'), messageId: param('messageId'), ...input } }),
)

export const DELETE = handle({ schema: emptyInput, status: 204 }, async ({ ctx, param }) => {
  await removeQueued({ ctx, input: { agentId: param('agentId'), messageId: param('messageId') } })
  return null
})
