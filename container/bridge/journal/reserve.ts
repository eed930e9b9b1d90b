/** Space held back beside the journal, for the last words of a run on a full disk. */
import fs from 'node:fs'
import path from 'node:path'

const RESERVE_FILE_NAME = 'journal.reserve'
const RESERVE_BYTES = 64 * 1024

/** Makes the file that holds the space; without one where the disk is full already. */
export function keepReserve(directory: string): void {
  const file = path.join(directory, RESERVE_FILE_NAME)
  try {
    if (fs.statSync(file, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return
    fs.writeFileSync(file, Buffer.alloc(RESERVE_BYTES))
  } catch (error) {
    if (!isDiskFull(error)) throw error
  }
}

/** Gives the space back. True when there was something to give. */
export function releaseReserve(directory: string): boolean {
  const file = path.join(directory, RESERVE_FILE_NAME)
  if (!fs.existsSync(file)) return false
  fs.unlinkSync(file)
  return true
}

export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'ENOSPC' || code === 'EDQUOT'
}
