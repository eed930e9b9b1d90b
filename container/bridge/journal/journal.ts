/**
 * The bridge's journal: an append-only file of one JSON object a line on the bridge's own volume. What `append` returns is in
 * the file (in the kernel's hands: it outlives the process, though not a power cut), and only then readers hear of it.
 * Owns: the file's format, numbering, cleaning and shortening of events, live deltas. Must not know: who reads, the wire,
 * what a run is made of.
 *
 *   {"journalId":"jnl_...","format":1,"createdAt":"..."}          first line
 *   {"n":1,"type":"...","runId":"...","at":"...","data":{...}}     an event, n = 1, 2, 3
 *   {"input":{"kind":"message",...}}                               what a command carried; no number, never streamed
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Ids } from '../../../lib/ids.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { HistoryEvent, PersonMessage } from '../../contract/bridge.ts'
import {
  cleanText,
  type DeltaEventType,
  type JournalEvent,
  type SandboxEventData,
  type SandboxEventType,
} from '../../contract/events.ts'
import { createDeltaBuffer, type OpenMessage } from './delta-buffer.ts'
import { fitEvent } from './fit-event.ts'
import { type JournalFile, openJournalFile } from './journal-file.ts'

export type { OpenMessage } from './delta-buffer.ts'
export { JournalError } from './journal-error.ts'

/** What the conversation needs and the log of this journal does not hold. */
export type JournalInput =
  /** The person's words that a run answers: written before the run's `run_started`, which names `eventId`. */
  | { kind: 'message'; runId: string; message: PersonMessage }
  /** What the control plane had stored before this journal began. A later one replaces all that stands before it. */
  | { kind: 'history'; events: HistoryEvent[] }

export type JournalEntry = { kind: 'event'; event: JournalEvent } | { kind: 'input'; input: JournalInput }

/** `open`: a `run_started` without its `done`. */
export type RunState = 'unknown' | 'open' | 'ended'

export interface AppendedEvent<T extends SandboxEventType> {
  type: T
  runId: string | null
  data: SandboxEventData<T>
}

export interface AppendedDelta {
  type: DeltaEventType
  runId: string | null
  /** That of the stored event which will follow; for tool output the tool call's id. */
  messageId: string
  delta: string
}

export interface Journal {
  /** Changes when the journal is renewed. */
  readonly journalId: string
  /** Number of the last event; 0 when there is none. */
  readonly lastN: number
  /** Neither events nor inputs: nothing to fold. */
  readonly empty: boolean
  /**
   * It begins with a person's message, or a history was put into it. False for one that took the place of a lost one in the
   * middle of a run: a conversation folded from it lacks its beginning.
   */
  readonly hasBeginning: boolean
  /**
   * Writes the event and returns it as written: cleaned, and shortened at its long texts when it was above MAX_EVENT_BYTES
   * (or replaced by an `error` event `event_too_large` when that did not help). Throws JournalError `disk_full`; a reserve
   * is kept back for `error` and `done`, so that a run can still end in words.
   */
  append<T extends SandboxEventType>(event: AppendedEvent<T>): JournalEvent
  appendInput(input: JournalInput): void
  /** Events after number `afterN`: at least one when there is one, and about `maxBytes` (default 256 KiB) at most. */
  read(afterN: number, maxBytes?: number): JournalEvent[]
  /** Every event and input in order, read from the file as it is asked for. */
  entries(): Iterable<JournalEntry>
  runState(runId: string): RunState
  /** Text on its way: readers get it within about 50 ms; never written to the file. Offsets are counted here. */
  delta(delta: AppendedDelta): void
  /** Messages whose stored event has not come yet, with what there is of their text. */
  openMessages(): OpenMessage[]
  /** Calls back after something was appended, a delta is due, or the journal was renewed. It says nothing: look and see. */
  subscribe(listener: () => void): () => void
  /** Puts this journal aside and begins an empty one under a new id: when a peer knows more of it than the file holds. */
  renew(reason: string): void
  close(): void
}

export interface JournalOptions {
  /** Where the file lies; made when missing. */
  directory: string
  ids: Ids
  clock: Clock
  logger: Logger
}

/** Opens the journal of `directory`; one that is missing, torn or damaged is put aside and an empty one begun. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { clock, logger } = options
  const newHeader = () => ({ journalId: options.ids.next('jnl'), createdAt: clock.now().toISOString() })
  const file: JournalFile = openJournalFile({ directory: options.directory, newHeader, logger })
  const listeners = new Set<() => void>()
  const notify = () => {
    for (const listener of listeners) listener()
  }
  const deltas = createDeltaBuffer({ onDue: notify })

  return {
    get journalId() {
      return file.journalId
    },
    get lastN() {
      return file.lastN
    },
    get empty() {
      return file.lineCount === 0
    },
    get hasBeginning() {
      return file.hasBeginning
    },
    append({ type, runId, data }) {
      const cleaned = cleanText({ type: type as string, runId, data: data as Record<string, unknown> })
      const event = fitEvent({ n: file.lastN + 1, ...cleaned, at: clock.now().toISOString() })
      file.appendEvent(event)
      deltas.closeFor(event)
      notify()
      return event
    },
    appendInput(input) {
      file.appendInput(cleanText(input))
    },
    read: (afterN, maxBytes = 256 * 1024) => file.read(afterN, maxBytes),
    entries: () => file.entries(),
    runState: (runId) => file.runState(runId),
    delta: (delta) => deltas.add(delta),
    openMessages: () => deltas.openMessages(),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    renew(reason) {
      file.renew(reason)
      notify()
    },
    close() {
      deltas.close()
      listeners.clear()
      file.close()
    },
  }
}
