/** The first line of a stream that goes on as something else. */
import type { Readable } from 'node:stream'

const NEWLINE = 0x0a
const MAX_BYTES = 4 * 1024

/** Without its newline; what follows stays in the stream. Where the stream ends, breaks or goes on too long: what there was, null for nothing. */
export function readFirstLine(stream: Readable): Promise<string | null> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve(null)
    let held: Buffer = Buffer.alloc(0)
    const settle = () => {
      for (const event of ['end', 'error', 'close']) stream.off(event, settle)
      stream.off('readable', onReadable)
      resolve(held.length === 0 ? null : held.toString())
    }
    const onReadable = () => {
      for (;;) {
        const chunk: Buffer | null = stream.read()
        if (chunk === null) return
        const end = chunk.indexOf(NEWLINE)
        held = Buffer.concat([held, end === -1 ? chunk : chunk.subarray(0, end)])
        if (end !== -1 && end + 1 < chunk.length) stream.unshift(chunk.subarray(end + 1))
        if (end !== -1 || held.length > MAX_BYTES) return settle()
      }
    }
    for (const event of ['end', 'error', 'close']) stream.on(event, settle)
    stream.on('readable', onReadable)
  })
}
