/**
 * A request body that is read in turns: first its head, then the rest by someone else, or nobody. Owns: one reading position
 * on a stream, which survives whoever stops reading.
 */
import type { Readable } from 'node:stream'

export interface ByteSource {
  /** The next piece, or null at the end. */
  next(): Promise<Buffer | null>
  /** `first`, then all that is left. Leaving it early leaves the source where it is. */
  remaining(first: Buffer): AsyncIterable<Buffer>
  /** Reads away what is left. False when there was more than `maxBytes`. */
  drain(maxBytes: number): Promise<boolean>
}

/** `assertEnd` is asked at the end, and throws when that is none. */
export function createByteSource(stream: Readable, assertEnd: () => void = () => {}): ByteSource {
  const pieces = stream.iterator({ destroyOnReturn: false })
  const next = async () => {
    const { value, done } = await pieces.next()
    if (done !== true) return value as Buffer
    assertEnd()
    return null
  }
  return {
    next,
    async *remaining(first) {
      if (first.length > 0) yield first
      for (let piece = await next(); piece !== null; piece = await next()) yield piece
    },
    drain: async (maxBytes) => {
      let size = 0
      for (let piece = await next(); piece !== null; piece = await next()) {
        size += piece.length
        if (size > maxBytes) return false
      }
      return true
    },
  }
}
