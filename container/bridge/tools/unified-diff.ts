/**
 * The difference of two texts as a unified diff, by Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations",
 * 1986) on lines. Knows nothing of files but their name in the header.
 */

export interface UnifiedDiff {
  diff: string
  additions: number
  deletions: number
  truncated: boolean
}

export interface DiffInput {
  path: string
  /** Null when the file is new. */
  before: string | null
  /** Null when the file is gone. */
  after: string | null
  /** The diff is cut at a line beyond so many characters; the counts are those of the whole. */
  maxChars: number
}

interface Change {
  kind: ' ' | '-' | '+'
  line: string
}

const CONTEXT_LINES = 3
/** Edits searched for; texts further apart than that differ as a whole. Bounds time and memory. */
const MAX_EDITS = 1_000
const NO_NEWLINE = '\\ No newline at end of file'

export function createUnifiedDiff({ path, before, after, maxChars }: DiffInput): UnifiedDiff {
  const changes = diffLines(toLines(before ?? ''), toLines(after ?? ''))
  const header = [
    `--- ${before === null ? '/dev/null' : `a/${path}`}`,
    `+++ ${after === null ? '/dev/null' : `b/${path}`}`,
  ]
  const lines = [...header, ...createHunks(changes)]
  const cut = cutAtLine(lines, maxChars)
  return {
    diff: cut.text,
    additions: changes.filter((change) => change.kind === '+').length,
    deletions: changes.filter((change) => change.kind === '-').length,
    truncated: cut.truncated,
  }
}

/** Lines with their ends, so that a missing last newline and a changed line end are differences. */
function toLines(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function diffLines(before: string[], after: string[]): Change[] {
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1
  let end = 0
  const shorter = Math.min(before.length, after.length) - start
  while (end < shorter && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1
  const same = (line: string): Change => ({ kind: ' ', line })
  return [
    ...before.slice(0, start).map(same),
    ...diffMiddle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ]
}

function diffMiddle(before: string[], after: string[]): Change[] {
  const trace = before.length === 0 || after.length === 0 ? null : findShortestEdit(before, after)
  if (trace !== null) return walkBack(trace, before, after)
  return [...before.map((line): Change => ({ kind: '-', line })), ...after.map((line): Change => ({ kind: '+', line }))]
}

/** Furthest x reached on each diagonal k = x - y, before each number of edits; null beyond MAX_EDITS. */
function findShortestEdit(before: string[], after: string[]): Map<number, number>[] | null {
  const trace: Map<number, number>[] = []
  const furthest = new Map<number, number>([[1, 0]])
  for (let edits = 0; edits <= Math.min(before.length + after.length, MAX_EDITS); edits += 1) {
    trace.push(new Map(furthest))
    for (let k = -edits; k <= edits; k += 2) {
      let x = nextX(furthest, k, edits)
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x += 1
      furthest.set(k, x)
      if (x >= before.length && x - k >= after.length) return trace
    }
  }
  return null
}

function nextX(furthest: Map<number, number>, k: number, edits: number): number {
  const fromAbove = furthest.get(k + 1) ?? -1
  const fromLeft = furthest.get(k - 1) ?? -1
  return k === -edits || (k !== edits && fromLeft < fromAbove) ? fromAbove : fromLeft + 1
}

function walkBack(trace: Map<number, number>[], before: string[], after: string[]): Change[] {
  const changes: Change[] = []
  let x = before.length
  let y = after.length
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const furthest = trace[edits] ?? new Map<number, number>()
    const k = x - y
    const fromAbove = furthest.get(k + 1) ?? -1
    const fromLeft = furthest.get(k - 1) ?? -1
    const down = k === -edits || (k !== edits && fromLeft < fromAbove)
    const previousX = down ? fromAbove : fromLeft
    const previousY = previousX - (down ? k + 1 : k - 1)
    while (x > Math.max(previousX, 0) && y > Math.max(previousY, 0)) {
      x -= 1
      y -= 1
      changes.push({ kind: ' ', line: before[x] ?? '' })
    }
    if (edits === 0) break
    if (down) changes.push({ kind: '+', line: after[previousY] ?? '' })
    else changes.push({ kind: '-', line: before[previousX] ?? '' })
    x = previousX
    y = previousY
  }
  return changes.reverse()
}

/** Runs of changes with three lines around them; those that touch are one hunk. */
function createHunks(changes: Change[]): string[] {
  const ranges: { start: number; end: number }[] = []
  for (const [index, change] of changes.entries()) {
    if (change.kind === ' ') continue
    const start = Math.max(0, index - CONTEXT_LINES)
    const end = Math.min(changes.length, index + CONTEXT_LINES + 1)
    const last = ranges.at(-1)
    if (last !== undefined && start <= last.end) last.end = end
    else ranges.push({ start, end })
  }
  const lines: string[] = []
  let position = 0
  let oldLine = 1
  let newLine = 1
  for (const { start, end } of ranges) {
    // Between hunks there is only what both have.
    oldLine += start - position
    newLine += start - position
    const hunk = changes.slice(start, end)
    const oldCount = hunk.filter((change) => change.kind !== '+').length
    const newCount = hunk.filter((change) => change.kind !== '-').length
    lines.push(`@@ -${range(oldLine, oldCount)} +${range(newLine, newCount)} @@`, ...hunk.flatMap(formatChange))
    oldLine += oldCount
    newLine += newCount
    position = end
  }
  return lines
}

function range(line: number, count: number): string {
  if (count === 0) return `${line - 1},0`
  return count === 1 ? `${line}` : `${line},${count}`
}

function formatChange({ kind, line }: Change): string[] {
  return line.endsWith('\n') ? [`${kind}${line.slice(0, -1)}`] : [`${kind}${line}`, NO_NEWLINE]
}

function cutAtLine(lines: string[], maxChars: number): { text: string; truncated: boolean } {
  const kept: string[] = []
  let chars = 0
  for (const line of lines) {
    chars += line.length + 1
    if (chars > maxChars) return { text: kept.map((text) => `${text}\n`).join(''), truncated: true }
    kept.push(line)
  }
  return { text: kept.map((text) => `${text}\n`).join(''), truncated: false }
}
