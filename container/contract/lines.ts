/**
 * Newline-delimited framing for the runner's wire, the same on both sides. Knows bytes and lengths; not what a line means.
 */
const NEWLINE = 0x0a

export interface LineReader {
  /** Takes bytes as they come; calls `onLine` for each whole line. Returns false once a line was longer than allowed. */
  push(chunk: Uint8Array): boolean
}

/**
 * Cuts a byte stream into lines (UTF-8, without their newline). Holds at most `maxBytes` of an unfinished line: a longer one
 * makes `push` return false, then and ever after, and nothing more is delivered.
 */
export function createLineReader(options: { maxBytes: number; onLine: (line: string) => void }): LineReader {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let broken = false

  const take = (part: Uint8Array): boolean => {
    if (heldBytes + part.byteLength > options.maxBytes) {
      held = []
      broken = true
      return false
    }
    held.push(part)
    heldBytes += part.byteLength
    return true
  }

  return {
    push(chunk) {
      let start = 0
      while (!broken) {
        const end = chunk.indexOf(NEWLINE, start)
        if (end === -1) {
          if (start < chunk.byteLength) take(chunk.subarray(start))
          break
        }
        if (!take(chunk.subarray(start, end))) break
        const line = Buffer.concat(held).toString('utf8')
        held = []
        heldBytes = 0
        start = end + 1
        options.onLine(line)
      }
      return !broken
    },
  }
}
