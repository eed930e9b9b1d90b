import { handle } from '../../../../../lib/http/handle.ts'
import { resolveDivergence } from '../../../../../lib/services/agent/resolve-divergence.ts'
import { divergenceInput } from '../../../../../lib/services/agent/schemas.ts'

export const POST = handle({ schema: divergenceInput, status: 202 }, ({ ctx, input, param }) =>
  resolveDivergence({ ctx, input: { agentId: param('agentId'), ...input } }),
)
