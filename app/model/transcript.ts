/**
 * The event log of one agent as its page shows it: a turn for each instruction, its entries in order, what stands beside it.
 * Owns: the fold of stored events and deltas into that view. Applying an event twice changes nothing; a batch returns a new
 * transcript and leaves the old one as it was, with entries that did not change the same objects.
 * Must not know: React, fetch, words and colours.
 */
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { applyDelta, isDelta } from './transcript-deltas.ts'
import { draftOf } from './transcript-draft.ts'
import { applyStored } from './transcript-stored.ts'
import type { Transcript } from './transcript-types.ts'

export const EMPTY_TRANSCRIPT: Transcript = {
  lastSeq: 0,
  turns: [],
  tasks: [],
  files: [],
  refusals: [],
  status: null,
  early: {},
}

/** Stored events at or below `lastSeq` have been applied and are left out; deltas (seq 0) join by message and offset. */
export function applyEvents(transcript: Transcript, events: readonly EventView[]): Transcript {
  const draft = draftOf(transcript)
  for (const event of events) {
    if (isDelta(event)) {
      applyDelta(draft, event)
    } else if (event.seq > draft.view.lastSeq) {
      draft.view.lastSeq = event.seq
      applyStored(draft, event)
    }
  }
  return draft.view
}
