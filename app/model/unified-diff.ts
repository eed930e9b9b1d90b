/**
 * A unified diff as lines with their numbers, and what changed within a line.
 * Owns: reading the format. Must not know: how lines are drawn, or where a diff came from.
 * Source of the format: POSIX `diff -u`; git's extended headers are read past.
 */

export interface DiffPart {
  text: string
  /** True for the words that differ from the paired line. */
  changed: boolean
}

export interface DiffLine {
  kind: 'hunk' | 'add' | 'delete' | 'context'
  oldNumber: number | null
  newNumber: number | null
  parts: DiffPart[]
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/

/** Lines from the first hunk on. A text without hunks gives none. */
export function parseUnifiedDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = []
  let oldNumber = 0
  let newNumber = 0
  let oldLeft = 0
  let newLeft = 0
  for (const raw of diff.split('\n')) {
    const hunk = HUNK.exec(raw)
    // Inside a hunk its counts decide: a deleted line `-- x` looks like a file header otherwise.
    if (hunk && oldLeft <= 0 && newLeft <= 0) {
      oldNumber = Number(hunk[1])
      newNumber = Number(hunk[3])
      oldLeft = Number(hunk[2] ?? 1)
      newLeft = Number(hunk[4] ?? 1)
      lines.push({ kind: 'hunk', oldNumber: null, newNumber: null, parts: plain(raw) })
      continue
    }
    if (oldLeft <= 0 && newLeft <= 0) continue
    const text = raw.slice(1)
    if (raw.startsWith('+')) {
      lines.push({ kind: 'add', oldNumber: null, newNumber: newNumber++, parts: plain(text) })
      newLeft -= 1
    } else if (raw.startsWith('-')) {
      lines.push({ kind: 'delete', oldNumber: oldNumber++, newNumber: null, parts: plain(text) })
      oldLeft -= 1
    } else if (raw.startsWith(' ') || raw === '') {
      lines.push({ kind: 'context', oldNumber: oldNumber++, newNumber: newNumber++, parts: plain(text) })
      oldLeft -= 1
      newLeft -= 1
    }
  }
  return markWords(lines)
}

/** Pairs each run of deletions with the additions that follow it, line by line, where the runs are equally long. */
function markWords(lines: DiffLine[]): DiffLine[] {
  const marked = [...lines]
  let index = 0
  while (index < marked.length) {
    const deleted = countRun(marked, index, 'delete')
    const added = countRun(marked, index + deleted, 'add')
    if (deleted > 0 && deleted === added) {
      for (let offset = 0; offset < deleted; offset += 1) markPair(marked, index + offset, index + deleted + offset)
    }
    index += Math.max(1, deleted + added)
  }
  return marked
}

function markPair(lines: DiffLine[], deletedIndex: number, addedIndex: number): void {
  const before = lines[deletedIndex]
  const after = lines[addedIndex]
  if (!before || !after) return
  const pair = compareWords(joinParts(before.parts), joinParts(after.parts))
  if (!pair) return
  lines[deletedIndex] = { ...before, parts: pair.before }
  lines[addedIndex] = { ...after, parts: pair.after }
}

function countRun(lines: readonly DiffLine[], from: number, kind: DiffLine['kind']): number {
  let end = from
  while (lines[end]?.kind === kind) end += 1
  return end - from
}

/** The middle that differs between a common head and tail of whole words; null where too little is common to help. */
export function compareWords(before: string, after: string): { before: DiffPart[]; after: DiffPart[] } | null {
  const left = splitWords(before)
  const right = splitWords(after)
  const shortest = Math.min(left.length, right.length)
  let head = 0
  while (head < shortest && left[head] === right[head]) head += 1
  let tail = 0
  while (tail < shortest - head && left[left.length - 1 - tail] === right[right.length - 1 - tail]) tail += 1
  const common = [...left.slice(0, head), ...left.slice(left.length - tail)].join('').trim().length
  if (common * 3 < Math.min(before.trim().length, after.trim().length)) return null
  return { before: cut(left, head, tail), after: cut(right, head, tail) }
}

function cut(words: readonly string[], head: number, tail: number): DiffPart[] {
  const end = words.length - tail
  return [
    { text: words.slice(0, head).join(''), changed: false },
    { text: words.slice(head, end).join(''), changed: true },
    { text: words.slice(end).join(''), changed: false },
  ].filter((part) => part.text !== '')
}

function splitWords(line: string): string[] {
  return line.match(/\w+|\s+|[^\w\s]/g) ?? []
}

function joinParts(parts: readonly DiffPart[]): string {
  return parts.map((part) => part.text).join('')
}

function plain(text: string): DiffPart[] {
  return [{ text, changed: false }]
}
