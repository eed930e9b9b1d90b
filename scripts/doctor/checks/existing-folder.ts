/** What may be done at a path: the nearest folder that is there, and whether this user may write in one. */
import { access, constants, stat } from 'node:fs/promises'
import path from 'node:path'

/** `wanted` itself, or the nearest folder above it. Ends at the root, which always is there. */
export async function findExisting(wanted: string): Promise<string> {
  try {
    await stat(wanted)
    return wanted
  } catch (error) {
    const parent = path.dirname(wanted)
    if (parent === wanted || !(error instanceof Error && 'code' in error)) throw error
    return findExisting(parent)
  }
}

export async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}
