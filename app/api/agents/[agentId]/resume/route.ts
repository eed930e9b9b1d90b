import { handle } from '../../../../../lib/http/handle.ts'
import { resumeAgent } from '../../../../../lib/services/agent/instruct.ts'
import { resumeInput } from '../../../../../lib/services/agent/schemas.ts'

export const POST = handle({ schema: resumeInput, status: 202 }, ({ ctx, input, param }) =>
  resumeAgent({ ctx, input: { agentId: param('agentId'), newTask: input.newTask } }),
)
