import { handle } from '../../../lib/http/handle.ts'
import { emptyInput } from '../../../lib/services/agent/schemas.ts'
import { listModels } from '../../../lib/services/model/list.ts'

export const GET = handle({ schema: emptyInput }, ({ ctx }) => listModels({ ctx }))
