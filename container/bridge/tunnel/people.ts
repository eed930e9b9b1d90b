/** Asks the control plane, over the control tunnel, for what people said during the run (people.berth). */
import { z } from 'zod'
import { PEOPLE_AUTHORITY, REFUSAL_REASON_HEADER, RUN_HEADER, type TakenMessages } from '../../contract/tunnel.ts'

const taken = z.looseObject({ messages: z.array(z.object({ eventId: z.string(), text: z.string() })) })

/** Throws when the control plane refuses or answers otherwise than agreed. Waits while the tunnel is down. */
export function createMessageTaker(
  tunnelFetch: typeof fetch,
): (options: { runId: string; signal: AbortSignal }) => Promise<TakenMessages['messages']> {
  return async ({ runId, signal }) => {
    const response = await tunnelFetch(`http://${PEOPLE_AUTHORITY}/take`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [RUN_HEADER]: runId },
      body: '{}',
      signal,
    })
    if (response.ok) return taken.parse(await response.json()).messages
    await response.body?.cancel()
    const reason = response.headers.get(REFUSAL_REASON_HEADER) ?? `the control plane answered ${response.status}`
    throw new Error(`What people said could not be taken: ${reason}`)
  }
}
