import { handle } from '../../../../../lib/http/handle.ts'
import { emptyInput } from '../../../../../lib/services/agent/schemas.ts'
import { listQueue } from '../../../../../lib/services/queue/queue.ts'

export const GET = handle({ schema: emptyInput }, ({ ctx, param }) =>
  listQueue({ ctx, input: { agentId: param('agentId') } }),
)
