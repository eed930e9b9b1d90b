/**
 * What is being written: deltas of a message or of a command's output, joined into live entries.
 * Owns: that fold. Must not know: the network; that a stored event follows is the contract's business.
 */
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { type Joined, joinPiece, NOTHING_JOINED } from './delta-join.ts'
import { type Draft, findEntry, turnOf, writeTurn } from './transcript-draft.ts'
import type { Entry, StartEntry, TextEntry, ToolEntry } from './transcript-types.ts'

export const MAX_LIVE_CHARS = 128 * 1024

const DELTA_TYPES = new Set(['text_delta', 'reasoning_delta', 'tool_output_delta'])

export function isDelta(event: EventView): boolean {
  return DELTA_TYPES.has(event.type)
}

export function applyDelta(draft: Draft, event: EventView): void {
  const { messageId, offset, delta } = event.data
  if (typeof messageId !== 'string' || typeof offset !== 'number' || typeof delta !== 'string') return
  const piece = { messageId, offset, delta }
  if (event.type === 'tool_output_delta' && event.runId === null) addSetupOutput(draft, piece)
  else if (event.type === 'tool_output_delta') addOutput(draft, event, piece)
  else addWords(draft, event, piece)
}

interface Piece {
  messageId: string
  offset: number
  delta: string
}

function addWords(draft: Draft, event: EventView, piece: Piece): void {
  const turn = turnOf(draft, event)
  const kind = event.type === 'text_delta' ? 'text' : 'reasoning'
  const found = findEntry(turn, (entry): entry is TextEntry => isText(entry) && entry.messageId === piece.messageId)
  if (!found) {
    if (turn.end) return
    const text = joinPiece(NOTHING_JOINED, piece.offset, piece.delta)
    turn.entries.push({
      kind,
      key: `message-${piece.messageId}`,
      at: event.createdAt,
      messageId: piece.messageId,
      text,
      state: 'live',
    })
    return
  }
  const [index, entry] = found
  if (entry.state !== 'live') return
  turn.entries[index] = { ...entry, text: joinPiece(entry.text, piece.offset, piece.delta) }
}

function addOutput(draft: Draft, event: EventView, piece: Piece): void {
  const turn = turnOf(draft, event)
  const found = findEntry(turn, (entry): entry is ToolEntry => isTool(entry) && entry.toolCallId === piece.messageId)
  if (!found) {
    const known = draft.view.early[piece.messageId] ?? NOTHING_JOINED
    draft.view.early = { ...draft.view.early, [piece.messageId]: keepTail(joinPiece(known, piece.offset, piece.delta)) }
    return
  }
  const [index, entry] = found
  if (entry.result) return
  turn.entries[index] = { ...entry, liveOutput: keepTail(joinPiece(entry.liveOutput, piece.offset, piece.delta)) }
}

/** Output of no run is the setup script's, and belongs to the start that goes on. */
function addSetupOutput(draft: Draft, { messageId, offset, delta }: Piece): void {
  const last = draft.view.turns.length - 1
  if (last < 0) return
  const turn = writeTurn(draft, last)
  const found = findEntry(turn, isGoingStart)
  if (!found) return
  const [index, entry] = found
  const known = entry.output?.messageId === messageId ? entry.output.text : NOTHING_JOINED
  turn.entries[index] = { ...entry, output: { messageId, text: keepTail(joinPiece(known, offset, delta)) } }
}

/** A command may say more than a page can hold; the result brings its beginning and its end. */
function keepTail(joined: Joined): Joined {
  const excess = joined.text.length - MAX_LIVE_CHARS
  return excess > 0 ? { start: joined.start + excess, text: joined.text.slice(excess) } : joined
}

export function isText(entry: Entry): entry is TextEntry {
  return entry.kind === 'text' || entry.kind === 'reasoning'
}

export function isGoingStart(entry: Entry): entry is StartEntry {
  return entry.kind === 'start' && entry.outcome === 'going'
}

export function isTool(entry: Entry): entry is ToolEntry {
  return entry.kind === 'tool'
}
