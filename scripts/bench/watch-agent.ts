/** An agent's event stream with the moment at which each event was here. */
import type { EventView } from '../../lib/services/agent/schemas.ts'
import type { BerthApi } from '../demo/api-client.ts'
import { machineMs } from '../machine-ms.ts'

export interface SeenEvent {
  event: EventView
  atMs: number
}

export interface AgentWatch {
  /** Forgets what was seen; the next `until` looks at newer events only. */
  forget(): void
  /** What was seen since, in order. */
  seen(): readonly SeenEvent[]
  /** The first event seen since `forget` that fits. Rejects when the start or a run failed, or the stream ended. */
  until(fits: (event: EventView) => boolean): Promise<SeenEvent>
  close(): Promise<void>
}

export function watchAgent(input: { api: BerthApi; agentId: string; signal: AbortSignal }): AgentWatch {
  const { api, agentId, signal } = input
  const ending = new AbortController()
  let seen: SeenEvent[] = []
  let failure: Error | null = null
  let wake = Promise.withResolvers<void>()
  const read = async () => {
    for await (const event of api.followAgent(agentId, { signal: AbortSignal.any([signal, ending.signal]) })) {
      seen.push({ event, atMs: machineMs() })
      failure ??= findFailure(event)
      wake.resolve()
      wake = Promise.withResolvers<void>()
    }
  }
  const reading = read()
    .catch((error: unknown) => error)
    .then((error) => {
      failure ??= error instanceof Error ? error : new Error(`The event stream of ${agentId} ended.`)
      wake.resolve()
    })
  return {
    forget: () => {
      seen = []
    },
    seen: () => seen,
    async until(fits) {
      for (;;) {
        const found = seen.find(({ event }) => fits(event))
        if (found) return found
        signal.throwIfAborted()
        if (failure) throw failure
        await wake.promise
      }
    },
    async close() {
      ending.abort()
      await reading
    },
  }
}

function findFailure({ type, data }: EventView): Error | null {
  if (type === 'status' && data.status === 'FAILED') {
    return new Error(`The agent could not be started (${String(data.code)}): ${String(data.message)}`)
  }
  const ends = ['completed', 'cancelled']
  if (type !== 'done' || ends.includes(String(data.reason))) return null
  return new Error(`The run ended with ${String(data.reason)}: ${String(data.message ?? data.summary ?? '')}`)
}
