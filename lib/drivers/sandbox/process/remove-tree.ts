/** Removes folders that an agent wrote: also those that it made read-only, as some package managers do with their caches. */
import { chmod, readdir, rm } from 'node:fs/promises'
import path from 'node:path'

/** Idempotent. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true })
  } catch (error) {
    if (!isDenied(error)) throw error
    await makeWritable(folder)
    await rm(folder, { recursive: true, force: true })
  }
}

/** Links are not followed. */
async function makeWritable(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(path.join(folder, entry.name))
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code))
}
