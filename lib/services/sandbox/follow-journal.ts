/**
 * Reads a bridge's journal into the log for as long as the bridge answers: reconnects from what is stored, so that nothing is
 * lost or doubled whichever side went away. Lines that wait are stored together.
 */

import type { BridgeClient, BridgeMessage } from '../../drivers/bridge/port.ts'
import { BerthError, isBerthError, isDatabaseAway } from '../../errors.ts'
import { giveUpSandbox } from '../agent/end-run.ts'
import { type AcceptedLines, acceptJournal } from '../event/accept.ts'
import { writeAsHolder } from '../event/write.ts'
import type { PaceCost } from './journal-paces.ts'
import { keepPace, type PaceParts } from './keep-pace.ts'
import { LineBuffer } from './line-buffer.ts'
import { Patience } from './patience.ts'

export interface JournalFollower {
  /**
   * Resolves when event `n` of `journalId` (or a later one) is stored. Rejects with `sandbox_lost` when following ended before, or
   * when the bridge keeps what it has to itself.
   */
  caughtUp(journalId: string, n: number): Promise<void>
  /** Settles when the bridge no longer answers or the signal aborted. Never rejects. */
  ended: Promise<void>
}

type FollowerParts = PaceParts

/** After lines that could not be stored: the database may be away for a moment. */
const STORE_RETRY_MS = 1_000
/** However long its journal, an honest bridge that is read as slowly as may be sends an event in every few seconds. */
const CATCH_UP_SILENCE_MS = 60_000

export function followJournal(input: {
  parts: FollowerParts
  agentId: string
  ownerId: string
  client: BridgeClient
  signal: AbortSignal
  onRunEnded: () => void
}): JournalFollower {
  const { parts, agentId, signal } = input
  const patience = new Patience(parts.clock)
  const waiting = new Set<{ journalId: string; n: number; resolve: () => void; reject: (error: Error) => void }>()
  let finished = false
  let stored: { journalId: string | null; n: number } = { journalId: null, n: 0 }
  const isStored = (journalId: string, n: number) => stored.journalId === journalId && stored.n >= n

  const advance = (position: { journalId: string | null; n: number }) => {
    if (position.n !== stored.n) patience.renew()
    stored = position
    for (const waiter of waiting) if (isStored(waiter.journalId, waiter.n)) waiter.resolve()
  }

  const ended = follow({ ...input, patience, advance })
    .catch((error: unknown) => {
      if (!signal.aborted) parts.logger.warn('the journal can no longer be followed', { agentId, error })
    })
    .finally(() => {
      for (const waiter of waiting) waiter.reject(new BerthError('sandbox_lost', 'The bridge went away.'))
      finished = true
    })

  return {
    ended,
    async caughtUp(journalId, n) {
      if (n === 0 || isStored(journalId, n)) return
      if (finished) throw new BerthError('sandbox_lost', 'The bridge went away.')
      const caught = Promise.withResolvers<void>()
      const waiter = { journalId, n, resolve: caught.resolve, reject: caught.reject }
      waiting.add(waiter)
      try {
        await patience.within(CATCH_UP_SILENCE_MS, caught.promise, () => keptToItself(n))
      } finally {
        waiting.delete(waiter)
      }
    },
  }
}

function keptToItself(n: number): BerthError {
  const message = `The bridge says that it has ${n} events in its journal, and sent nothing of them for ${CATCH_UP_SILENCE_MS / 1_000} s.`
  return new BerthError('sandbox_lost', message, { details: { timeoutMs: CATCH_UP_SILENCE_MS } })
}

async function follow(input: {
  parts: FollowerParts
  agentId: string
  ownerId: string
  client: BridgeClient
  signal: AbortSignal
  patience: Patience
  onRunEnded: () => void
  advance: (position: { journalId: string | null; n: number }) => void
}): Promise<void> {
  const { client, signal, patience } = input
  while (!signal.aborted) {
    const position = await patience.notNow(readPosition(input))
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
  signal: AbortSignal
  patience: Patience
  onRunEnded: () => void
  advance: (position: { journalId: string | null; n: number }) => void
}): Promise<void> {
  const { parts, agentId, reader, signal, patience } = input
  const readAgain = async () => {
    reader.stop()
    await parts.clock.sleep(STORE_RETRY_MS, signal).catch(() => undefined)
  }
  for (;;) {
    const taken = await reader.take()
    if (taken === null) return
    for (const delta of taken.deltas) parts.hub.publish({ kind: 'delta', agentId, ownerId: input.ownerId, delta })
    const { lines } = taken
    if (lines.length === 0) continue
    const { journalId } = reader
    if (journalId === null) return await readAgain()
    let outcome: AcceptedLines
    try {
      outcome = await patience.notNow(acceptJournal(parts, { agentId, journalId, lines }))
    } catch (error) {
      parts.logger.error('events could not be stored; reading again from what is stored', { agentId, error })
      return await patience.notNow(readAgain())
    }
    const { gap, isFull, runEnded } = outcome
    const last = lines.at(-1)
    if (last && gap === null && !isFull) input.advance({ journalId, n: 'event' in last ? last.event.n : last.n })
    if (runEnded || isFull) input.onRunEnded()
    if (isFull) return reader.giveUp()
    if (gap === null) continue
    parts.logger.warn('the bridge skipped events; reading again from what is stored', { agentId, expected: gap })
    return await readAgain()
  }
}
