import { handle } from '../../../../../../lib/http/handle.ts'
import { emptyInput } from '../../../../../../lib/services/agent/schemas.ts'
import { getRun } from '../../../../../../lib/services/run/list.ts'

export const GET = handle({ schema: emptyInput }, ({ ctx, param }) =>
  getRun({ ctx, input: { agentId: param('agentId'), runId: param('runId') } }),
)
