import { handle } from '../../../../../lib/http/handle.ts'
import { cancelRun } from '../../../../../lib/services/agent/end.ts'
import { emptyInput } from '../../../../../lib/services/agent/schemas.ts'

export const POST = handle({ schema: emptyInput, status: 202 }, ({ ctx, param }) =>
  cancelRun({ ctx, input: { agentId: param('agentId') } }),
)
