/** Which files a mistyped path may have meant: a bounded walk of the workspace and a distance between names. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { hasCode } from './map-fs-error.ts'

/** Entries looked at before the walk ends; near files come first because it goes level by level. */
const MAX_ENTRIES = 20_000
const NOT_ENTERED = new Set(['.git', 'node_modules', '.venv', '__pycache__', 'target', '.next'])

/** Up to `limit` paths relative to `root`, nearest first; empty when nothing is near. */
export async function suggestPaths(root: string, wanted: string, limit: number): Promise<string[]> {
  const near: { entry: string; score: number }[] = []
  for (const entry of await walk(root)) {
    const score = scoreOf(entry, wanted)
    if (score !== null) near.push({ entry, score })
  }
  near.sort((a, b) => a.score - b.score || a.entry.length - b.entry.length || (a.entry < b.entry ? -1 : 1))
  return near.slice(0, limit).map(({ entry }) => entry)
}

async function walk(root: string): Promise<string[]> {
  const found: string[] = []
  const folders = ['']
  for (const folder of folders) {
    for (const entry of await readFolder(path.join(root, folder))) {
      if (found.length >= MAX_ENTRIES) return found
      const relative = path.join(folder, entry.name)
      if (!entry.isDirectory()) found.push(relative)
      else if (!NOT_ENTERED.has(entry.name)) {
        found.push(relative)
        folders.push(relative)
      }
    }
  }
  return found
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return []
    throw error
  }
}

/** Lower is nearer; null is not near. The name counts, then how far the folders differ. */
function scoreOf(entry: string, wanted: string): number | null {
  const name = path.basename(entry).toLowerCase()
  const wantedName = path.basename(wanted).toLowerCase()
  if (wantedName === '') return null
  const allowed = Math.floor(Math.max(name.length, wantedName.length) / 3)
  let distance = editDistance(name, wantedName, allowed)
  if (distance === null) {
    const contains = wantedName.length >= 4 && name.includes(wantedName)
    if (!contains) return null
    distance = allowed + 1
  }
  const folders = new Set(path.dirname(wanted).toLowerCase().split('/'))
  const foreign = path
    .dirname(entry)
    .toLowerCase()
    .split('/')
    .filter((part) => !folders.has(part)).length
  return distance * 10 + Math.min(foreign, 9)
}

/** Levenshtein distance, or null when it is more than `max`. */
function editDistance(a: string, b: string, max: number): number | null {
  if (Math.abs(a.length - b.length) > max) return null
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  const distance = row[b.length] ?? 0
  return distance <= max ? distance : null
}
