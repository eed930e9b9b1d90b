import { eventStreamResponse } from '../../../lib/http/event-stream.ts'
import { handle } from '../../../lib/http/handle.ts'
import { streamAll, streamAllInput } from '../../../lib/services/event/stream.ts'

/** One stream for a tab: live events of all agents that one may see, or of those named. */
export const GET = handle({ schema: streamAllInput }, async ({ ctx, input, request }) =>
  eventStreamResponse({
    request,
    open: async function* (signal) {
      for await (const item of streamAll({ ctx, input: { agentIds: input.agents ?? null, signal } })) {
        if (item.kind === 'removed') yield { event: 'agent_removed', data: { agentId: item.agentId } }
        else yield { event: item.event.type, data: { agentId: item.agentId, ...item.event } }
      }
    },
  }),
)
