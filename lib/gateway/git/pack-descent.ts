/**
 * Whether a pushed commit descends from another, by the commits that lie at the front of the pushed pack: each is named by the
 * hash of its content, and its content names its parents, so a chain of them cannot be made up. Must not know: who pushes.
 */
import { isZeroId } from '../../domain/ref-policy.ts'
import { type ObjectFormat, readPackObjects } from './pack-objects.ts'

/** So much of a pack is enough to see: git writes all commits before everything else. */
export const DESCENT_BYTES: number = 2 * 1024 * 1024
const BOUNDS = { maxObjects: 10_000, maxBytes: 4 * DESCENT_BYTES }

/**
 * True when it is shown. False also when it cannot be: the chain leaves the pack for commits that the other side has already,
 * or lies beyond the bounds.
 */
export function showsDescent(input: { pack: Buffer; newId: string; oldId: string }): boolean {
  const { pack, newId, oldId } = input
  const parents = readParents(pack, newId.length === 40 ? 'sha1' : 'sha256')
  const waiting = [newId]
  const visited = new Set<string>()
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (id === oldId) return !isZeroId(id)
    if (visited.has(id)) continue
    visited.add(id)
    for (const parent of parents.get(id) ?? []) waiting.push(parent)
  }
  return false
}

/** Of each commit at the front of the pack, its parents. */
function readParents(pack: Buffer, format: ObjectFormat): Map<string, string[]> {
  const parents = new Map<string, string[]>()
  for (const { kind, id, content } of readPackObjects(pack, format, BOUNDS)) {
    if (kind === 'tree' || kind === 'blob') break
    if (kind === 'commit') parents.set(id, parseParents(content))
  }
  return parents
}

/** `tree <id>`, then a line `parent <id>` for each, before anything else. */
function parseParents(commit: Buffer): string[] {
  const [, ...lines] = commit.toString('latin1').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('parent '))
  return lines.slice(0, end).map((line) => line.slice('parent '.length))
}
