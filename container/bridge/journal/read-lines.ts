import fs from 'node:fs'

const READ_CHUNK_BYTES = 256 * 1024

export interface Line {
  offset: number
  text: string
  /** Where the next line begins; null when this one has no end. */
  next: number | null
}

/** The lines of the bytes from `from` to `to`, read in pieces: the caller may stop at any line. */
export function* readLines(fd: number, from: number, to: number): Iterable<Line> {
  let pieces: Buffer[] = []
  let offset = from
  let position = from
  while (position < to) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_CHUNK_BYTES, to - position))
    const count = fs.readSync(fd, buffer, 0, buffer.length, position)
    if (count === 0) break
    let begin = 0
    for (let end = buffer.indexOf(0x0a); end !== -1 && end < count; end = buffer.indexOf(0x0a, begin)) {
      const next = position + end + 1
      yield { offset, text: joinText(pieces, buffer.subarray(begin, end)), next }
      pieces = []
      offset = next
      begin = end + 1
    }
    if (begin < count) pieces.push(buffer.subarray(begin, count))
    position += count
  }
  if (pieces.length > 0) yield { offset, text: Buffer.concat(pieces).toString('utf8'), next: null }
}

function joinText(pieces: Buffer[], last: Buffer): string {
  return (pieces.length === 0 ? last : Buffer.concat([...pieces, last])).toString('utf8')
}
