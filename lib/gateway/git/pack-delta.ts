/** Deltas of git's packs (gitformat-pack(5), "Deltified representation"): copy from the base, or insert what the delta brings. */
import { ByteCursor } from './byte-cursor.ts'

const FULL_COPY_BYTES = 0x10000

/** Null when it is no delta of this base, or makes more than `maxBytes`. */
export function applyDelta(base: Buffer, delta: Buffer, maxBytes: number): Buffer | null {
  const cursor = new ByteCursor(delta)
  if (cursor.size() !== base.length) return null
  const size = cursor.size()
  if (size > maxBytes) return null
  const result = Buffer.alloc(size)
  let end = 0
  while (!cursor.isAtEnd) {
    const command = cursor.byte()
    const isCopy = (command & 128) !== 0
    const from = isCopy ? cursor.sparse(command & 15) : cursor.at
    const length = isCopy ? cursor.sparse((command >> 4) & 7) || FULL_COPY_BYTES : command
    const source = isCopy ? base : delta
    if (length === 0 || from + length > source.length || end + length > size) return null
    source.copy(result, end, from, from + length)
    end += length
    if (!isCopy) cursor.at += length
  }
  return end === size ? result : null
}
