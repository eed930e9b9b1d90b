/**
 * How far a clone is: one figure from 0 to 100 over all the phases that git names one after another, each of which it counts from
 * 0 to 100 anew. Pure.
 */

/** In git's order, with the part of a clone's time that each takes as a rule. */
const PHASES: readonly (readonly [name: string, share: number])[] = [
  ['Counting objects', 5],
  ['Compressing objects', 5],
  ['Receiving objects', 60],
  ['Resolving deltas', 15],
  ['Updating files', 15],
]

/** A whole figure; null where git gives none, or names a phase that is not known here. */
export function clonePercent({ phase, percent }: { phase: string; percent: number | null }): number | null {
  const at = PHASES.findIndex(([name]) => name === phase)
  const share = PHASES[at]?.[1]
  if (share === undefined || percent === null) return null
  const before = PHASES.slice(0, at).reduce((sum, [, part]) => sum + part, 0)
  return Math.floor(before + (share * Math.min(100, Math.max(0, percent))) / 100)
}
