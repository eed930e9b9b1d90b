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

/** Lines off a stream of bytes that comes in any pieces. */
export class PktLineBuffer {
  #pending: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
  }

  /** The next whole line, or null until more bytes come. Throws a PktLineError on a length that is none. */
  read(): PktLine | null {
    if (this.#pending.length < LENGTH_BYTES) return null
    const digits = this.#pending.toString('latin1', 0, LENGTH_BYTES)
    if (!/^[0-9a-fA-F]{4}$/.test(digits))
      throw new PktLineError(`${JSON.stringify(digits)} is not the length of a pkt-line`)
    const length = Number.parseInt(digits, 16)
    if (length < LENGTH_BYTES) {
      this.#pending = this.#pending.subarray(LENGTH_BYTES)
      return { kind: specialKind(length) }
    }
    if (length > MAX_PKT_LINE_BYTES) throw new PktLineError(`a pkt-line of ${length} bytes is too long`)
    if (this.#pending.length < length) return null
    const payload = this.#pending.subarray(LENGTH_BYTES, length)
    this.#pending = this.#pending.subarray(length)
    return { kind: 'data', payload }
  }

  /** What has come after the lines read so far; the buffer is empty afterwards. */
  takeRest(): Buffer {
    const rest = this.#pending
    this.#pending = Buffer.alloc(0)
    return rest
  }
}

function specialKind(length: number): 'flush' | 'delimiter' | 'response-end' {
  if (length === 0) return 'flush'
  if (length === 1) return 'delimiter'
  if (length === 2) return 'response-end'
  throw new PktLineError('0003 is not the length of a pkt-line')
}
