/**
 * Reads a bridge's journal into the log for as long as the bridge answers: reconnects from what is stored, so that nothing is
 * lost or doubled whichever side went away. Lines that wait are stored together.
 */

import type { BridgeClient, BridgeMessage } from '../../drivers/bridge/port.ts'
import { BerthError, isBerthError, isDatabaseAway } from '../../errors.ts'
import { giveUpSandbox } from '../agent/end-run.ts'
import { acceptJournal } from '../event/accept.ts'
import { writeAsHolder } from '../event/write.ts'
import type { PaceCost } from './journal-paces.ts'
import { keepPace, type PaceParts } from './keep-pace.ts'
import { LineBuffer } from './line-buffer.ts'

export interface JournalFollower {
  /** Resolves when event `n` of `journalId` (or a later one) is stored. Rejects when following ended before. */
  caughtUp(journalId: string, n: number): Promise<void>
  /** Settles when the bridge no longer answers or the signal aborted. Never rejects. */
  ended: Promise<void>
}

type FollowerParts = PaceParts

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
      await readStream({ ...input, reader, position, reading })
    } finally {
      reader.close()
      await writing
    }
    if (reader.isGivenUp) return
    if (reader.stopped.aborted) await parts.clock.sleep(STORE_RETRY_MS, signal)
    // The stream ended although nobody asked: either the bridge is gone (health rejects, and so do we) or it can be read on.
    if (!signal.aborted) await client.health(signal)
  }
}

/** Until the stream ends or the reading is given up. A sandbox that says too much is read at its pace. */
async function readStream(input: {
  parts: FollowerParts
  agentId: string
  client: BridgeClient
  reader: LineBuffer
  position: { journalId: string | null; n: number }
  reading: AbortSignal
  onRunEnded: () => void
}): Promise<void> {
  const { parts, agentId, client, reader, position, reading } = input
  const keep = async (cost: PaceCost) => {
    try {
      await keepPace(parts, { agentId, cost, signal: reading })
    } catch (error) {
      if (!reading.aborted) throw error
    }
  }
  const onPiece = (bytes: number) => keep({ messages: 0, bytes })
  try {
    for await (const message of client.events({ journalId: position.journalId, after: position.n }, reading, onPiece)) {
      if (reading.aborted) break
      await readMessage({ ...input, message })
      await keep({ messages: 1, bytes: 0 })
    }
  } catch (error) {
    if (!isBerthError(error) || error.code !== 'payload_too_large') throw error
    const message = `The sandbox was stopped: ${error.message} Resume the agent to go on in a new one.`
    await writeAsHolder(parts, agentId, (tx) => giveUpSandbox(parts, tx, { code: 'event_too_large', message }))
    reader.giveUp()
    input.onRunEnded()
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
  else if (!reader.isComplainedOf) {
    reader.isComplainedOf = true
    parts.logger.warn('the bridge sent a line that is not an event', { agentId, reason: message.reason.slice(0, 300) })
  }
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
      if (last && outcome.gap === null && !outcome.isFull)
        input.advance({ journalId, n: 'event' in last ? last.event.n : last.n })
      if (outcome.runEnded || outcome.isFull) input.onRunEnded()
      if (outcome.isFull) return reader.giveUp()
    } catch (error) {
      parts.logger.error('events could not be stored; reading again from what is stored', { agentId, error })
      return reader.stop()
    }
  }
}
