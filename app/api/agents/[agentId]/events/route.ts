import { eventStreamResponse } from '../../../../../lib/http/event-stream.ts'
import { handle } from '../../../../../lib/http/handle.ts'
import { requireAgent } from '../../../../../lib/services/agent/require.ts'
import { pageEvents, pageEventsInput } from '../../../../../lib/services/event/page.ts'
import { readStreamPosition, streamEvents } from '../../../../../lib/services/event/stream.ts'

/** A page with `Accept: application/json`; else the live stream, from `Last-Event-ID` or `after`. */
export const GET = handle({ schema: pageEventsInput }, async ({ ctx, input, param, request }) => {
  const agentId = param('agentId')
  if (request.headers.get('accept')?.includes('application/json')) {
    return await pageEvents({ ctx, input: { ...input, agentId } })
  }
  await requireAgent(ctx, agentId)
  const after = readStreamPosition(request.headers.get('last-event-id'), input.after)
  return eventStreamResponse({
    request,
    open: async function* (signal) {
      for await (const { kind, event } of streamEvents({ ctx, input: { agentId, after, signal } })) {
        yield { ...(kind === 'event' && { id: String(event.seq) }), event: event.type, data: event }
      }
    },
  })
})
