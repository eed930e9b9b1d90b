/**
 * Joins pieces of a text that carry the offset (UTF-16 code units) at which they go, so that nothing doubles whoever joins
 * when. Owns: that arithmetic. Must not know: events, messages.
 */

/** The text known so far and where in the whole it begins: above 0 for a reader who came in the middle. */
export interface Joined {
  start: number
  text: string
}

export const NOTHING_JOINED: Joined = { start: 0, text: '' }

/**
 * Text that is known already is left out; a piece that reaches further back replaces what is known; after a gap the view
 * goes on with the piece, since what lies between is not known.
 */
export function joinPiece(known: Joined, offset: number, piece: string): Joined {
  if (known.text === '') return { start: offset, text: piece }
  const end = known.start + known.text.length
  if (offset < known.start || offset > end) return { start: offset, text: piece }
  const rest = piece.slice(end - offset)
  return rest === '' ? known : { start: known.start, text: known.text + rest }
}
