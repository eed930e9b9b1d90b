/**
 * A transcript that is being changed: arrays are copied at the first touch of a batch and written in place after it, so that
 * a replay of thousands of events stays linear.
 * Owns: copy on write, and finding entries. Must not know: what events mean.
 */
import type { Entry, Transcript, Turn } from './transcript-types.ts'

export interface Draft {
  view: Transcript
  /** Turns that this batch has copied. */
  fresh: Set<Turn>
}

export function draftOf(transcript: Transcript): Draft {
  return { view: { ...transcript, turns: [...transcript.turns] }, fresh: new Set() }
}

/** The turn that may be written, copied at first touch. */
export function writeTurn(draft: Draft, index: number): Turn {
  const turn = draft.view.turns[index]
  if (!turn) throw new RangeError(`No turn ${index} of ${draft.view.turns.length}.`)
  if (draft.fresh.has(turn)) return turn
  const copy = { ...turn, entries: [...turn.entries] }
  draft.fresh.add(copy)
  draft.view.turns[index] = copy
  return copy
}

export function addTurn(draft: Draft, turn: Turn): Turn {
  draft.fresh.add(turn)
  draft.view.turns.push(turn)
  return turn
}

export function newTurn(key: string, runId: string | null): Turn {
  return {
    key,
    runId,
    order: null,
    entries: [],
    startedAt: null,
    step: 0,
    maxSteps: null,
    tokensUsed: 0,
    costUsd: 0,
    additions: 0,
    deletions: 0,
    end: null,
  }
}

/**
 * The turn of a run. An event without a run goes to the latest turn; the first event of a run takes a turn that waits for
 * one, else opens its own.
 */
export function turnOf(draft: Draft, event: { seq: number; runId: string | null; data: object }): Turn {
  const { turns } = draft.view
  const last = turns.length - 1
  if (event.runId !== null) {
    const index = turns.findLastIndex((turn) => turn.runId === event.runId)
    if (index >= 0) return writeTurn(draft, index)
    if (last >= 0 && turns[last]?.runId === null && turns[last]?.end === null) {
      const turn = writeTurn(draft, last)
      turn.runId = event.runId
      return turn
    }
    return addTurn(draft, newTurn(event.seq > 0 ? `turn-${event.seq}` : `turn-of-${event.runId}`, event.runId))
  }
  if (last >= 0) return writeTurn(draft, last)
  return addTurn(draft, newTurn(`turn-${event.seq}`, null))
}

/** Index of the latest entry that fits, looked for from the end: what changes is nearly always there. */
export function findEntry<T extends Entry>(turn: Turn, fits: (entry: Entry) => entry is T): [number, T] | null {
  for (let index = turn.entries.length - 1; index >= 0; index -= 1) {
    const entry = turn.entries[index]
    if (entry && fits(entry)) return [index, entry]
  }
  return null
}
