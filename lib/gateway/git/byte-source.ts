/**
 * A request body that is read in turns: first its head, then the rest by someone else, or nobody. Owns: one reading position
 * on a stream, which survives whoever stops reading.
 */
import type { Readable } from 'node:stream'

export interface ByteSource {
  /** The next piece, or null at the end. */
  next(): Promise<Buffer | null>
  /** `first` and what follows it, until there are `bytes` of it or nothing is left. */
  take(first: Buffer, bytes: number): Promise<Buffer>
  /** `first`, then all that is left. Leaving it early leaves the source where it is. */
  remaining(first: Buffer): AsyncIterable<Buffer>
  /** Reads away what is left, however much that is. */
  discard(): Promise<void>
}

export interface ByteSourceOptions {
  /** Shown every piece, and null at the end; throws when that is no end, or enough. */
  check?: (piece: Buffer | null) => void
  /** Reads away what is left, where that is cheaper than piece by piece. */
  discard?: () => Promise<void>
}

export function createByteSource(stream: Readable, { check, discard }: ByteSourceOptions = {}): ByteSource {
  const pieces = stream.iterator({ destroyOnReturn: false })
  const next = async () => {
    const { value, done } = await pieces.next()
    const piece = done === true ? null : (value as Buffer)
    check?.(piece)
    return piece
  }
  const readAway = async () => {
    let piece = await next()
    while (piece !== null) piece = await next()
  }
  return {
    next,
    take: async (first, bytes) => {
      const taken = [first]
      for (let size = first.length; size < bytes; ) {
        const piece = await next()
        if (piece === null) break
        taken.push(piece)
        size += piece.length
      }
      return Buffer.concat(taken)
    },
    async *remaining(first) {
      if (first.length > 0) yield first
      for (let piece = await next(); piece !== null; piece = await next()) yield piece
    },
    discard: discard ?? readAway,
  }
}
