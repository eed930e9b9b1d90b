import { handle } from '../../../../../lib/http/handle.ts'
import { chatWithAgent } from '../../../../../lib/services/agent/instruct.ts'
import { chatInput } from '../../../../../lib/services/agent/schemas.ts'

export const POST = handle({ schema: chatInput, status: 202 }, ({ ctx, input, param }) =>
  chatWithAgent({ ctx, input: { agentId: param('agentId'), ...input } }),
)
