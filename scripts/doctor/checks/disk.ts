/** Free disk where Berth writes. Folders on one disk are one line. */
import { stat, statfs } from 'node:fs/promises'
import { type Finding, formatBytes, ok, problem, warning } from '../finding.ts'
import { findExisting, isWritable } from './existing-folder.ts'

export type Use = 'data' | 'database' | 'engine' | 'temporary'

export interface DiskFacts {
  use: Use
  path: string
  /** Tells disks apart. */
  device: number
  freeBytes: number
  /** Files that can still be made; null where the file system has no such limit. */
  freeFiles: number | null
  /** It is there and this user may write in it: asked of the folder for temporary files, which nobody makes. */
  isUsable: boolean
}

const WHAT: Record<Use, string> = {
  data: 'the data folder',
  database: 'the database',
  engine: "the engine's images and volumes",
  temporary: 'temporary files',
}

/** Below `least` nothing more is done; below `enough` it will not last: the agent image is 0.6 GiB, and made of as much again. */
const NEED: Record<Use, { least: number; enough: number }> = {
  data: { least: 100 * 2 ** 20, enough: 2 ** 30 },
  database: { least: 100 * 2 ** 20, enough: 2 ** 30 },
  engine: { least: 300 * 2 ** 20, enough: 5 * 2 ** 30 },
  temporary: { least: 50 * 2 ** 20, enough: 2 ** 29 },
}
const ENOUGH_FILES = 10_000

/** What Berth makes may not be there yet. Null where there is nothing to look at: the engine keeps its files elsewhere, say. */
export async function readDisk(use: Use, path: string): Promise<DiskFacts | null> {
  try {
    const existing = use === 'engine' ? path : await findExisting(path)
    const [{ dev }, disk] = await Promise.all([stat(existing), statfs(existing)])
    const freeFiles = disk.files === 0 ? null : disk.ffree
    const isUsable = use !== 'temporary' || (await isWritable(path))
    return { use, path, device: dev, freeBytes: disk.bavail * disk.bsize, freeFiles, isUsable }
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}

export function judgeDisks(disks: DiskFacts[]): Finding[] {
  const devices = [...new Set(disks.map(({ device }) => device))]
  const unusable = disks.filter(({ isUsable }) => !isUsable)
  return [
    ...devices.map((device) => judgeDisk(disks.filter((disk) => disk.device === device))),
    ...unusable.map(({ path }) =>
      warning(
        `No temporary file can be made in ${path}: images and pages cannot be built`,
        `Make it, and let this user write there: mkdir -p '${path}'; or correct TMPDIR.`,
      ),
    ),
  ]
}

/** `uses`: of one disk, at least one. */
function judgeDisk(uses: DiskFacts[]): Finding {
  const freeBytes = Math.min(...uses.map((disk) => disk.freeBytes))
  const freeFiles = Math.min(...uses.map((disk) => disk.freeFiles ?? Number.POSITIVE_INFINITY))
  const what = uses.map(({ use, path }) => `${WHAT[use]} (${path})`).join(', ')
  const advice = adviceFor(uses)
  const said = `${formatBytes(freeBytes)} free for ${what}`
  if (uses.some(({ use }) => freeBytes < NEED[use].least)) return problem(said, advice, 'a disk is full')
  if (freeFiles < ENOUGH_FILES) return warning(`${freeFiles} more files fit on the disk for ${what}`, advice)
  if (uses.some(({ use }) => freeBytes < NEED[use].enough)) return warning(said, advice)
  return ok(said)
}

function adviceFor(uses: DiskFacts[]): string {
  const has = (use: Use) => uses.some((disk) => disk.use === use)
  const ways = [
    ...(has('engine') ? ['see what the engine holds: docker system df'] : []),
    ...(has('data') ? ['put the data folder on another disk: BERTH_DATA_DIR'] : []),
    ...(has('temporary') ? ['put temporary files on another disk: TMPDIR'] : []),
  ]
  return `Free some space; or ${ways.join('; ')}.`
}
