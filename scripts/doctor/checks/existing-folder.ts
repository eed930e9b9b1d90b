/** Where a path would be made: the nearest folder above it that is there. */
import { stat } from 'node:fs/promises'
import path from 'node:path'

/** `wanted` itself when it is there. Ends at the root, which always is. */
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
