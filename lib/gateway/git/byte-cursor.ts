/** A position in bytes, and the numbers that git's pack format writes there. Past the end everything is 0: who reads checks lengths. */

/** No number in a pack is longer. */
const MAX_SCALE = 2 ** 45

export class ByteCursor {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.at] ?? 0
    this.at += 1
    return byte
  }

  /** Seven bits a byte, the lowest first, as long as the eighth is set; `first` was read before and holds `bits` of them. */
  size(first = this.byte(), bits = 7): number {
    let size = first & (2 ** bits - 1)
    let scale = 2 ** bits
    for (let byte = first; byte & 128 && scale < MAX_SCALE; scale *= 128) {
      byte = this.byte()
      size += (byte & 127) * scale
    }
    return size
  }

  /** The distance of an offset delta: seven bits a byte, the highest first, each continuation counting one more. */
  distance(): number {
    let byte = this.byte()
    let distance = byte & 127
    while (byte & 128) {
      byte = this.byte()
      distance = (distance + 1) * 128 + (byte & 127)
    }
    return distance
  }

  /** A number of which only the bytes whose bit is set in `mask` are written, the lowest first. */
  sparse(mask: number): number {
    let value = 0
    for (let index = 0; mask >> index > 0; index += 1) {
      if (mask & (1 << index)) value += this.byte() * 256 ** index
    }
    return value
  }

  hex(length: number): string {
    const text = this.#bytes.toString('hex', this.at, this.at + length)
    this.at += length
    return text
  }
}
