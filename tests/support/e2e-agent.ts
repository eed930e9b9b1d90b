/**
 * An agent as a person with a token watches it: its event stream is read in the background, and tests wait for events in it,
 * never for time. What a wait that comes to its deadline throws shows the last events.
 */
import type { CreateAgentInput, EventView } from '../../lib/services/agent/schemas.ts'
import type { E2eApi } from './e2e-api.ts'

const DEADLINE_MS = 60_000
const SHOWN_EVENTS = 25

export interface WatchedAgent {
  id: string
  /** Stored ones, in the order in which they came. */
  events: EventView[]
  /** The first event, past or coming, that fits; deltas too. `after`: only those that came behind this seq. */
  until(what: string, test: (event: EventView) => boolean, options?: { after?: number }): Promise<EventView>
  /** Resolves with the `done` of a run when everything that follows it is over too. */
  untilRunIsOver(runId: string): Promise<EventView>
  /** The result of a scripted tool call, by the id that the script gave it. */
  result(toolCallId: string): { outcome: string; output: string; detail: Record<string, unknown> }
  unwatch(): void
}

/** Creates an agent and watches it from its first event. */
export async function createWatchedAgent(api: E2eApi, input: CreateAgentInput): Promise<WatchedAgent> {
  const agent = await api.createAgent(input)
  return watchAgent({ api, agentId: agent.id })
}

export function watchAgent({ api, agentId }: { api: E2eApi; agentId: string }): WatchedAgent {
  const events: EventView[] = []
  const seen: EventView[] = []
  const leaving = new AbortController()
  let news = Promise.withResolvers<void>()
  let failure: unknown = null
  const read = async () => {
    for await (const event of api.followAgent(agentId, { signal: leaving.signal })) {
      seen.push(event)
      if (event.seq > 0) events.push(event)
      news.resolve()
      news = Promise.withResolvers()
    }
  }
  read().catch((error: unknown) => {
    // The server ended, or the agent is gone: whoever still waits is told.
    failure = error
    news.resolve()
  })

  const until: WatchedAgent['until'] = async (what, test, { after = 0 } = {}) => {
    const deadline = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => deadline.resolve('late'), DEADLINE_MS)
    let looked = after === 0 ? 0 : seen.findIndex(({ seq }) => seq > after)
    if (looked < 0) looked = seen.length
    try {
      for (;;) {
        for (; looked < seen.length; looked += 1) {
          const event = seen[looked]
          if (event !== undefined && test(event)) return event
        }
        if (failure !== null) throw failure
        if ((await Promise.race([news.promise, deadline.promise])) === 'late') {
          throw new Error(`No "${what}" of ${agentId} within ${DEADLINE_MS / 1_000} s.\n${describe(seen)}`)
        }
      }
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    id: agentId,
    events,
    until,
    async untilRunIsOver(runId) {
      const done = await until('done', ({ type, runId: of }) => type === 'done' && of === runId)
      const resting = ['READY', 'IDLE', 'FAILED']
      const isRest = ({ type, data }: EventView) => type === 'status' && resting.includes(String(data.status))
      await until('rest after the run', isRest, { after: done.seq })
      return done
    },
    result(toolCallId) {
      const found = events.find(({ type, data }) => type === 'tool_result' && data.toolCallId === toolCallId)
      if (found === undefined) throw new Error(`There is no result of ${toolCallId}.\n${describe(seen)}`)
      const { outcome, output, detail = {} } = found.data
      return { outcome: String(outcome), output: String(output), detail: detail as Record<string, unknown> }
    },
    unwatch: () => leaving.abort(),
  }
}

function describe(events: EventView[]): string {
  const lines = events
    .slice(-SHOWN_EVENTS)
    .map(({ seq, type, data }) => `  ${seq} ${type} ${JSON.stringify(data).slice(0, 400)}`)
  return `The last events:\n${lines.join('\n')}`
}

/** 1, 2, 3, ... without gap or double, up to the number of events: what the `seq` of a whole log is. */
export function wholeNumbers(events: unknown[]): number[] {
  return events.map((_event, index) => index + 1)
}
