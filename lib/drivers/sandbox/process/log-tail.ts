/** The last lines of a program's log, without reading all of it. */
import { open } from 'node:fs/promises'

const MAX_READ_BYTES = 256 * 1024

/** At most `lines`; none where there is no log. Of lines that are very long, fewer. */
export async function readLogTail(file: string, lines: number): Promise<string[]> {
  const handle = await openIfThere(file)
  if (handle === null) return []
  try {
    const { size } = await handle.stat()
    const start = Math.max(0, size - MAX_READ_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start)
    const found = buffer.subarray(0, bytesRead).toString('utf8').split('\n')
    // Where the reading began lies in the middle of a line.
    const whole = start > 0 ? found.slice(1) : found
    return whole.filter((line) => line !== '').slice(-lines)
  } finally {
    await handle.close()
  }
}

async function openIfThere(file: string) {
  try {
    return await open(file, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
