import { handle } from '../../../lib/http/handle.ts'
import { createAgent } from '../../../lib/services/agent/create.ts'
import { listAgents } from '../../../lib/services/agent/list.ts'
import { createAgentInput, listAgentsInput } from '../../../lib/services/agent/schemas.ts'

export const GET = handle({ schema: listAgentsInput }, ({ ctx, input }) => listAgents({ ctx, input }))

export const POST = handle({ schema: createAgentInput, status: 201 }, ({ ctx, input }) => createAgent({ ctx, input }))
