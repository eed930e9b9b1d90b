/** What the file system refuses while an installation is prepared, in words: where, why, and what to do. */
import { stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { StartRefused } from './start-refused.ts'

export interface Named {
  /** Begins the sentence: "The secrets". */
  what: string
  /** Where the work is done, for a refusal that names no file. */
  folder: string
}

/** Runs `work`; a refusal of the file system becomes a StartRefused. */
export async function inWords<T>({ what, folder }: Named, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    const file = 'path' in error && typeof error.path === 'string' ? error.path : folder
    const words = await describeRefusal(error.code, file)
    if (words === null) throw error
    throw new StartRefused(`${what} cannot be used: ${words}`, { cause: error })
  }
}

/** Null for what is no refusal of the file system. */
async function describeRefusal(code: unknown, file: string): Promise<string | null> {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${file} is full (${await describeFree(file)} are free). Make room, and start again.`
    case 'EROFS':
      return `${file} lies on a file system that is read-only. Make it writable, or name another folder in BERTH_DATA_DIR.`
    case 'EACCES':
    case 'EPERM': {
      const { found, stats } = await findExisting(file)
      return `${found} belongs to ${describeUser(stats.uid)}, and ${describeUser(process.getuid?.())} may not use it. Start Berth as the user who did before, let this user write there, or name another folder in BERTH_DATA_DIR.`
    }
    case 'EEXIST':
    case 'ENOTDIR': {
      const { found, stats } = await findExisting(file)
      if (stats.isDirectory()) return null
      return `${found} is a file, and a folder must be there. Move it away, or name another folder in BERTH_DATA_DIR.`
    }
    default:
      return null
  }
}

async function describeFree(file: string): Promise<string> {
  const { bavail, bsize } = await findNearest(file, (folder) => statfs(folder))
  return `${Math.floor((bavail * bsize) / 1e6)} MB`
}

const findExisting = (file: string) => findNearest(file, async (found) => ({ found, stats: await stat(found) }))

const describeUser = (uid: number | undefined) => (uid === 0 ? 'root' : `user ${uid}`)

/** Of the file itself, or of the nearest folder above it that can be looked at. */
async function findNearest<T>(file: string, look: (file: string) => Promise<T>): Promise<T> {
  try {
    return await look(file)
  } catch (error) {
    const above = path.dirname(file)
    if (above === file) throw error
    return findNearest(above, look)
  }
}
