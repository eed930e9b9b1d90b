/**
 * News of stored events, and deltas, to the readers of this process. Owns: who listens, and the text of each message that
 * is being written. Must not know: the database, HTTP. A listener that is told of an event it cannot place reads the log.
 */
import type { DeltaEvent } from '../../../container/contract/events.ts'
import type { StoredEvent } from '../../domain/agent.ts'

export type HubMessage =
  | { kind: 'events'; agentId: string; ownerId: string; events: StoredEvent[] }
  | { kind: 'delta'; agentId: string; ownerId: string; delta: DeltaEvent }
  /** The agent and its log are gone. */
  | { kind: 'removed'; agentId: string; ownerId: string }

export interface EventHub {
  publish(message: HubMessage): void
  /** Listeners are called in order and must not throw or block. Returns the way out. */
  subscribe(listener: (message: HubMessage) => void): () => void
  hasListeners(): boolean
  /** The last event of the agent that was published here, if any was lately. */
  lastSeq(agentId: string): number | null
  /** Each unfinished message of the agent as one delta from offset 0: for a reader who comes in the middle. */
  unfinished(agentId: string): DeltaEvent[]
}

/** Text kept for late readers, in UTF-16 units a message and an agent; beyond it only newer deltas are passed on. */
const MAX_UNFINISHED_CHARS = 256 * 1024
const MAX_UNFINISHED_CHARS_OF_AGENT = 1024 * 1024
const MAX_NOTED_AGENTS = 1_000
/** Of one agent; a run writes a few at a time. */
const MAX_UNFINISHED_MESSAGES = 100

export function createEventHub(): EventHub {
  const listeners = new Set<(message: HubMessage) => void>()
  const unfinished = new Map<string, Map<string, DeltaEvent>>()

  const published = new Map<string, number>()

  /** The agents heard of last, so that news from outside is asked for from there on. */
  const note = (agentId: string, events: StoredEvent[]) => {
    const last = events.at(-1)
    if (last === undefined) return
    published.delete(agentId)
    published.set(agentId, last.seq)
    const [oldest] = published.keys()
    if (published.size > MAX_NOTED_AGENTS && oldest !== undefined) published.delete(oldest)
  }

  const keep = (agentId: string, delta: DeltaEvent) => {
    const messages = unfinished.get(agentId) ?? new Map<string, DeltaEvent>()
    unfinished.set(agentId, messages)
    const { messageId, offset } = delta.data
    const known = messages.get(messageId)
    if (!known) {
      const { length } = delta.data.delta
      const isSmall = length <= MAX_UNFINISHED_CHARS && fits(messages, length)
      if (offset === 0 && messages.size < MAX_UNFINISHED_MESSAGES && isSmall) messages.set(messageId, delta)
      return
    }
    if (offset > known.data.delta.length) {
      messages.delete(messageId)
      return
    }
    const text = known.data.delta.slice(0, offset) + delta.data.delta
    if (!fits(messages, text.length - known.data.delta.length) || text.length > MAX_UNFINISHED_CHARS) {
      messages.delete(messageId)
    } else messages.set(messageId, { ...delta, data: { ...delta.data, offset: 0, delta: text } })
  }

  const forget = (agentId: string, events: StoredEvent[]) => {
    const messages = unfinished.get(agentId)
    if (!messages) return
    for (const event of events) {
      if (event.type === 'done') messages.clear()
      const { messageId, toolCallId, abandonedMessageIds } = event.data
      for (const id of [messageId, event.type === 'tool_result' ? toolCallId : undefined, abandonedMessageIds].flat()) {
        if (typeof id === 'string') messages.delete(id)
      }
    }
    if (messages.size === 0) unfinished.delete(agentId)
  }

  return {
    publish(message) {
      if (message.kind === 'events') note(message.agentId, message.events)
      if (message.kind === 'delta') keep(message.agentId, message.delta)
      else if (message.kind === 'events') forget(message.agentId, message.events)
      else unfinished.delete(message.agentId)
      for (const listener of listeners) listener(message)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    hasListeners: () => listeners.size > 0,
    lastSeq: (agentId) => published.get(agentId) ?? null,
    unfinished: (agentId) => [...(unfinished.get(agentId)?.values() ?? [])],
  }
}

function fits(messages: ReadonlyMap<string, DeltaEvent>, more: number): boolean {
  let kept = 0
  for (const { data } of messages.values()) kept += data.delta.length
  return kept + more <= MAX_UNFINISHED_CHARS_OF_AGENT
}
