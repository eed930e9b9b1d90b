import { handle } from '../../../../../lib/http/handle.ts'
import { emptyInput } from '../../../../../lib/services/agent/schemas.ts'
import { openPullRequest } from '../../../../../lib/services/pull-request/open.ts'

export const POST = handle({ schema: emptyInput }, ({ ctx, param }) =>
  openPullRequest({ ctx, input: { agentId: param('agentId') } }),
)
