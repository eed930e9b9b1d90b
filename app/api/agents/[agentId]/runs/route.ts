import { handle } from '../../../../../lib/http/handle.ts'
import { listRuns, listRunsInput } from '../../../../../lib/services/run/list.ts'

export const GET = handle({ schema: listRunsInput }, ({ ctx, input, param }) =>
  listRuns({ ctx, input: { ...input, agentId: param('agentId') } }),
)
