import { handle } from '../../../../../lib/http/handle.ts'
import { startAgent } from '../../../../../lib/services/agent/instruct.ts'
import { startInput } from '../../../../../lib/services/agent/schemas.ts'

export const POST = handle({ schema: startInput, status: 202 }, ({ ctx, param }) =>
  startAgent({ ctx, input: { agentId: param('agentId') } }),
)
