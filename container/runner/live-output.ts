/** Live output on its way to the bridge: gathered for a moment, so that many small writes are few frames, and bounded. */
import { MAX_LIVE_OUTPUT_CHARS } from '../contract/runner.ts'

const GATHER_MS = 25
const MAX_CHUNK_CHARS = 64 * 1024

export interface LiveOutput {
  push(text: string): void
  /** Sends what is gathered. */
  end(): void
}

export function createLiveOutput(send: (chunk: string) => void, maxChars = MAX_LIVE_OUTPUT_CHARS): LiveOutput {
  let left = maxChars
  let gathered = ''
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (gathered !== '') send(gathered)
    gathered = ''
  }
  return {
    push(text) {
      if (left <= 0) return
      gathered += text.slice(0, left)
      left -= text.length
      if (left <= 0) gathered += '\n[Live output ends here; the rest is in the result.]\n'
      if (gathered.length >= MAX_CHUNK_CHARS) flush()
      else timer ??= setTimeout(flush, GATHER_MS)
    },
    end: flush,
  }
}
