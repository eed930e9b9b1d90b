/**
 * Whether and as what an event of a bridge's journal is stored. Pure; asked under the agent's row lock.
 * A sandbox is not trusted: what it may not write, or what cannot be kept, is stored in its place as an `error`.
 */
import {
  cleanText,
  controlEventTypes,
  type JournalEvent,
  MAX_EVENT_BYTES,
  type SandboxEventType,
  sandboxEventData,
} from '../../container/contract/events.ts'

/**
 * What one run's sandbox may write into the log, in bytes: far above the longest honest run, and what a hostile one can take of
 * the database's disk with each instruction that a person gives it.
 */
export const MAX_RUN_JOURNAL_BYTES = 256 * 1024 * 1024

/** Deeper than anything that is meant; PostgreSQL and whoever walks through it have a stack. */
const MAX_DEPTH = 200

export interface JournalPosition {
  /** Null before the first event of the first journal. */
  journalId: string | null
  n: number
}

export type Acceptance =
  | { accept: 'store'; type: SandboxEventType; data: Record<string, unknown> }
  /** Stored in its place as `error` with code `event_rejected`. */
  | { accept: 'reject'; data: { code: 'event_rejected'; message: string; detail: Record<string, unknown> } }
  /** Was stored before. */
  | { accept: 'skip' }
  /** The bridge skipped a number: what lies between is missing, so nothing more is taken. */
  | { accept: 'gap'; expected: number }

/** Decides by number alone: the last stored plus one, or 1 of a journal not seen before. */
export function acceptByNumber(position: JournalPosition, journalId: string, n: number): 'next' | 'skip' | 'gap' {
  const expected = position.journalId === journalId ? position.n + 1 : 1
  if (n < expected) return 'skip'
  return n === expected ? 'next' : 'gap'
}

export function acceptJournalEvent(position: JournalPosition, journalId: string, event: JournalEvent): Acceptance {
  const byNumber = acceptByNumber(position, journalId, event.n)
  if (byNumber === 'skip') return { accept: 'skip' }
  if (byNumber === 'gap') return { accept: 'gap', expected: position.journalId === journalId ? position.n + 1 : 1 }
  if (controlEventTypes.some((type) => type === event.type)) {
    return reject(event, `The sandbox sent "${event.type}", which only the control plane writes.`)
  }
  if (!Object.hasOwn(sandboxEventData, event.type)) {
    return reject(event, `The sandbox sent an event of a type that is not known: "${event.type.slice(0, 80)}".`)
  }
  const type = event.type as SandboxEventType
  if (isDeeperThan(event.data, MAX_DEPTH)) {
    return reject(event, `The sandbox sent a ${type} that is nested more than ${MAX_DEPTH} deep.`)
  }
  const bytes = Buffer.byteLength(JSON.stringify(event.data))
  if (bytes > MAX_EVENT_BYTES) {
    return reject(event, `The sandbox sent a ${type} of ${bytes} bytes; at most ${MAX_EVENT_BYTES} are kept.`)
  }
  const parsed = sandboxEventData[type].safeParse(cleanText(event.data))
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return reject(
      event,
      `The sandbox sent a ${type} that is not well formed: ${issue?.path.join('.')}: ${issue?.message}`,
    )
  }
  return { accept: 'store', type, data: parsed.data }
}

/** What is stored in the place of a line that is not even an event. */
export function rejectMalformed(reason: string): Acceptance & { accept: 'reject' } {
  return {
    accept: 'reject',
    data: { code: 'event_rejected', message: `The sandbox sent a line that is not an event: ${reason}`, detail: {} },
  }
}

function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
  return false
}

function reject(event: JournalEvent, message: string): Acceptance {
  const type = cleanText(event.type.slice(0, 80))
  return {
    accept: 'reject',
    data: { code: 'event_rejected', message: cleanText(message), detail: { type, n: event.n } },
  }
}
