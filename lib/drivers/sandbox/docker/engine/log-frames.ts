/**
 * Output of a process without a terminal comes in frames: 1 byte stream (1 stdout, 2 stderr), 3 zero bytes, 4 bytes
 * big-endian length, then the payload (Docker Engine API, "Stream format" of container attach).
 */
const HEADER_BYTES = 8
const STDERR = 2

export interface LogFrame {
  isError: boolean
  payload: Buffer
}

/** All whole frames in order, and what is left of an unfinished one. */
export function splitLogFrames(buffer: Buffer): { frames: LogFrame[]; rest: Buffer } {
  const frames: LogFrame[] = []
  let offset = 0
  while (buffer.length - offset >= HEADER_BYTES) {
    const end = offset + HEADER_BYTES + buffer.readUInt32BE(offset + 4)
    if (end > buffer.length) break
    frames.push({ isError: buffer[offset] === STDERR, payload: buffer.subarray(offset + HEADER_BYTES, end) })
    offset = end
  }
  return { frames, rest: buffer.subarray(offset) }
}
