/** The likeliest meaning of a misspelt name. */

/** The known name that takes the fewest changes, whatever its case; null where they are so many that the likeness is chance. */
export function findNearest(name: string, known: string[]): string | null {
  const [best] = known
    .map((candidate) => ({ candidate, changes: countChanges(name.toUpperCase(), candidate.toUpperCase()) }))
    .sort((a, b) => a.changes - b.changes)
  if (best === undefined || best.changes > Math.min(4, name.length / 2)) return null
  return best.candidate
}

/** Letters put in, left out or replaced to get from one word to the other (Levenshtein's distance, row by row). */
function countChanges(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...to].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
