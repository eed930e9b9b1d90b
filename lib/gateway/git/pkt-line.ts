/**
 * Git's pkt-line framing (gitprotocol-common): four hexadecimal digits of length, themselves included, then the payload.
 * Owns: framing only. Must not know: what the lines say.
 */

export type PktLine = { kind: 'data'; payload: Buffer } | { kind: 'flush' | 'delimiter' | 'response-end' }

/** Longest line with its length, as git itself allows. */
export const MAX_PKT_LINE_BYTES = 65_520
const LENGTH_BYTES = 4

export class PktLineError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PktLineError'
  }
}

export const FLUSH_PKT: Buffer = Buffer.from('0000')

/** Throws a RangeError when the payload does not fit into one line. */
export function encodePktLine(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload)
  const length = bytes.length + LENGTH_BYTES
  if (length > MAX_PKT_LINE_BYTES)
    throw new RangeError(`a pkt-line holds at most ${MAX_PKT_LINE_BYTES} bytes, not ${length}`)
  return Buffer.concat([Buffer.from(length.toString(16).padStart(LENGTH_BYTES, '0')), bytes])
}

/** Lines off a stream of bytes that comes in any pieces. Pieces are joined once a line, however small they are. */
export class PktLineBuffer {
  #pieces: Buffer[] = []
  #size = 0
  /** Bytes without which there is no use in looking. */
  #needed = LENGTH_BYTES

  push(chunk: Buffer): void {
    this.#pieces.push(chunk)
    this.#size += chunk.length
  }

  /** The next whole line, or null until more bytes come. Throws a PktLineError on a length that is none. */
  read(): PktLine | null {
    if (this.#size < this.#needed) return null
    const bytes = this.takeRest()
    const length = readLength(bytes)
    if (length >= LENGTH_BYTES && bytes.length < length) {
      this.push(bytes)
      this.#needed = length
      return null
    }
    const end = Math.max(length, LENGTH_BYTES)
    if (bytes.length > end) this.push(bytes.subarray(end))
    return length < LENGTH_BYTES
      ? { kind: specialKind(length) }
      : { kind: 'data', payload: bytes.subarray(LENGTH_BYTES, end) }
  }

  /** What has come after the lines read so far; the buffer is empty afterwards. */
  takeRest(): Buffer {
    const rest = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#size = 0
    this.#needed = LENGTH_BYTES
    return rest ?? Buffer.alloc(0)
  }
}

function readLength(bytes: Buffer): number {
  const digits = bytes.toString('latin1', 0, LENGTH_BYTES)
  const length = /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null
  if (length === null) throw new PktLineError(`${JSON.stringify(digits)} is not the length of a pkt-line`)
  if (length > MAX_PKT_LINE_BYTES) throw new PktLineError(`a pkt-line of ${length} bytes is too long`)
  return length
}

function specialKind(length: number): 'flush' | 'delimiter' | 'response-end' {
  if (length === 0) return 'flush'
  if (length === 1) return 'delimiter'
  if (length === 2) return 'response-end'
  throw new PktLineError('0003 is not the length of a pkt-line')
}
