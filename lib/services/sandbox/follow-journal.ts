/**
 * Reads a bridge's journal into the log for as long as the bridge answers: reconnects from what is stored, so that nothing is
 * lost or doubled whichever side went away. Lines that wait are stored together.
 */

import type { DeltaEvent } from '../../../container/contract/events.ts'
import type { BridgeClient, BridgeMessage } from '../../drivers/bridge/port.ts'
import { BerthError, isDatabaseAway } from '../../errors.ts'
import type { Parts } from '../context.ts'
import { acceptJournal, type JournalLine } from '../event/accept.ts'
import type { HolderParts } from '../event/write.ts'

/** Lines that may wait for the database before reading pauses. */
const MAX_WAITING = 512

export interface JournalFollower {
  /** Resolves when event `n` of `journalId` (or a later one) is stored. Rejects when following ended before. */
  caughtUp(journalId: string, n: number): Promise<void>
  /** Settles when the bridge no longer answers or the signal aborted. Never rejects. */
  ended: Promise<void>
}

type FollowerParts = HolderParts & Pick<Parts, 'clock'>

/** After lines that could not be stored: the database may be away for a moment. */
const STORE_RETRY_MS = 1_000

export function followJournal(input: {
  parts: FollowerParts
  agentId: string
  ownerId: string
  client: BridgeClient
  signal: AbortSignal
  onRunEnded: () => void
}): JournalFollower {
  const { parts, agentId, signal } = input
  const waiting = new Set<{ journalId: string; n: number; resolve: () => void; reject: (error: Error) => void }>()
  let finished = false
  let stored: { journalId: string | null; n: number } = { journalId: null, n: 0 }
  const isStored = (journalId: string, n: number) => stored.journalId === journalId && stored.n >= n

  const advance = (position: { journalId: string | null; n: number }) => {
    stored = position
    for (const waiter of waiting) {
      if (!isStored(waiter.journalId, waiter.n)) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }

  const ended = follow({ ...input, advance })
    .catch((error: unknown) => {
      if (!signal.aborted) parts.logger.warn('the journal can no longer be followed', { agentId, error })
    })
    .finally(() => {
      for (const waiter of waiting) waiter.reject(new BerthError('sandbox_lost', 'The bridge went away.'))
      waiting.clear()
      finished = true
    })

  return {
    ended,
    caughtUp: (journalId, n) =>
      new Promise((resolve, reject) => {
        if (n === 0 || isStored(journalId, n)) resolve()
        else if (finished) reject(new BerthError('sandbox_lost', 'The bridge went away.'))
        else waiting.add({ journalId, n, resolve, reject })
      }),
  }
}

async function follow(input: {
  parts: FollowerParts
  agentId: string
  ownerId: string
  client: BridgeClient
  signal: AbortSignal
  onRunEnded: () => void
  advance: (position: { journalId: string | null; n: number }) => void
}): Promise<void> {
  const { parts, client, signal } = input
  while (!signal.aborted) {
    const position = await readPosition(input)
    input.advance(position)
    if (signal.aborted) return
    const reader = new LineBuffer()
    // A writer that gave up ends the reading at once, not with the next message.
    const reading = AbortSignal.any([signal, reader.stopped])
    const writing = storeLines({ ...input, reader })
    try {
      for await (const message of client.events({ journalId: position.journalId, after: position.n }, reading)) {
        if (reading.aborted) break
        await readMessage({ ...input, reader, message })
      }
    } finally {
      reader.close()
      await writing
    }
    if (reader.stopped.aborted) await parts.clock.sleep(STORE_RETRY_MS, signal)
    // The stream ended although nobody asked: either the bridge is gone (health rejects, and so do we) or it can be read on.
    if (!signal.aborted) await client.health(signal)
  }
}

/** Where the log stands. While the database is away it is waited for: the bridge keeps what it has to say. */
async function readPosition(input: { parts: FollowerParts; agentId: string; signal: AbortSignal }) {
  const { parts, agentId, signal } = input
  for (;;) {
    try {
      return await parts.stores.agents.journalPosition(agentId)
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      await parts.clock.sleep(STORE_RETRY_MS, signal)
    }
  }
}

async function readMessage(input: {
  parts: FollowerParts
  agentId: string
  reader: LineBuffer
  message: BridgeMessage
}): Promise<void> {
  const { parts, agentId, reader, message } = input
  if (message.kind === 'hello') reader.journalId = message.hello.journalId
  else if (message.kind === 'delta') await reader.push({ delta: message.delta })
  else if (message.kind === 'event') await reader.push({ event: message.event })
  else if (message.n !== null) await reader.push({ malformed: message.reason, n: message.n })
  else parts.logger.warn('the bridge sent a line that is not an event', { agentId, reason: message.reason })
}

/** In the order in which they came: a delta is not shown before the events that lie before it. */
async function storeLines(input: {
  parts: FollowerParts
  agentId: string
  ownerId: string
  reader: LineBuffer
  onRunEnded: () => void
  advance: (position: { journalId: string | null; n: number }) => void
}): Promise<void> {
  const { parts, agentId, reader } = input
  for (;;) {
    const taken = await reader.take()
    if (taken === null) return
    for (const delta of taken.deltas) parts.hub.publish({ kind: 'delta', agentId, ownerId: input.ownerId, delta })
    const { lines } = taken
    if (lines.length === 0) continue
    const { journalId } = reader
    if (journalId === null) return reader.stop()
    try {
      const outcome = await acceptJournal(parts, { agentId, journalId, lines })
      if (outcome.gap !== null) {
        parts.logger.warn('the bridge skipped events; reading again from what is stored', {
          agentId,
          expected: outcome.gap,
        })
        reader.stop()
      }
      const last = lines.at(-1)
      if (last && outcome.gap === null) input.advance({ journalId, n: 'event' in last ? last.event.n : last.n })
      if (outcome.runEnded) input.onRunEnded()
    } catch (error) {
      parts.logger.error('events could not be stored; reading again from what is stored', { agentId, error })
      return reader.stop()
    }
  }
}

type Waiting = JournalLine | { delta: DeltaEvent }

/** What is between the socket and the database: the reader waits when it is full, the writer takes what goes together. */
class LineBuffer {
  journalId: string | null = null
  readonly #stopping = new AbortController()
  /** Aborts when the writer gave up: the reader is to leave and begin again. */
  readonly stopped = this.#stopping.signal
  #waiting: Waiting[] = []
  #closed = false
  #wakeWriter: (() => void) | null = null
  #wakeReader: (() => void) | null = null

  async push(item: Waiting): Promise<void> {
    this.#waiting.push(item)
    this.#wakeWriter?.()
    while (this.#waiting.length >= MAX_WAITING && !this.stopped.aborted) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  /** The deltas that come first, then the lines up to the next delta; null when there will be none. */
  async take(): Promise<{ deltas: DeltaEvent[]; lines: JournalLine[] } | null> {
    while (this.#waiting.length === 0) {
      if (this.#closed || this.stopped.aborted) return null
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    }
    const taken: { deltas: DeltaEvent[]; lines: JournalLine[] } = { deltas: [], lines: [] }
    let count = 0
    for (const item of this.#waiting) {
      if (!('delta' in item)) taken.lines.push(item)
      else if (taken.lines.length === 0) taken.deltas.push(item.delta)
      else break
      count += 1
    }
    this.#waiting.splice(0, count)
    this.#wakeReader?.()
    return taken
  }

  stop() {
    this.#stopping.abort()
    this.#wakeReader?.()
  }

  close() {
    this.#closed = true
    this.#wakeWriter?.()
  }
}
