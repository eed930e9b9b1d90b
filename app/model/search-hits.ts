/**
 * The answer of `search_files` as hits by file, and what to mark in them.
 * Owns: reading that answer. Must not know: React. An answer of another form gives no groups, and is shown as it is.
 */

export interface HitGroup {
  file: string
  hits: { line: number; text: string }[]
}

export interface MarkedPart {
  text: string
  isMatch: boolean
}

const HIT = /^\s*(\d+): (.*)$/

/** A file's name, then its hits as `  211: text`; the heading before the first file is left out. */
export function parseHits(output: string): HitGroup[] {
  const groups: HitGroup[] = []
  let previous = ''
  for (const line of output.split('\n')) {
    const hit = HIT.exec(line)
    if (hit) {
      if (previous !== '') groups.push({ file: previous, hits: [] })
      previous = ''
      groups.at(-1)?.hits.push({ line: Number(hit[1]), text: hit[2] ?? '' })
    } else {
      previous = line.trim()
    }
  }
  return groups
}

// Repetition and groups can make this browser's engine backtrack for ever, and the pattern is the model's. What is left takes
// linear time: texts, classes, and choices between them.
const MAY_BACKTRACK = /[*+?{(]/

/** The pattern of a search as this browser may run it; null where nothing is marked. */
export function readPattern(input: unknown): RegExp | null {
  if (typeof input !== 'object' || input === null || !('pattern' in input)) return null
  const { pattern } = input
  if (typeof pattern !== 'string' || pattern === '') return null
  const isLiteral = 'literal' in input && input.literal === true
  const source = isLiteral ? pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&') : pattern
  if (!isLiteral && MAY_BACKTRACK.test(pattern.replaceAll(/\\./g, ''))) return null
  const flags = 'ignore_case' in input && input.ignore_case === true ? 'gi' : 'g'
  try {
    return new RegExp(source, flags)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

export function markMatches(text: string, pattern: RegExp | null): MarkedPart[] {
  if (!pattern) return [{ text, isMatch: false }]
  const parts: MarkedPart[] = []
  let from = 0
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index), isMatch: false })
    parts.push({ text: match[0], isMatch: true })
    from = match.index + match[0].length
  }
  if (from < text.length) parts.push({ text: text.slice(from), isMatch: false })
  return parts
}
