/**
 * Where an edit goes in a text: exactly, else by whole lines that are the same but for white space at their ends, and only
 * where that place is the only one. Pure; knows no files.
 */
import { LIMITS } from './limits.ts'

export interface Edit {
  old_string: string
  new_string: string
  replace_all?: boolean | undefined
}

export type EditOutcome =
  | {
      ok: true
      text: string
      replaced: number /** Which fallback was used, in words; null for an exact match. */
      fallback: string | null
    }
  | { ok: false; problem: string }

/** The text with the edit made, or why it cannot be, with the nearest lines. Line ends stay as the text has them. */
export function applyEdit(text: string, edit: Edit): EditOutcome {
  if (edit.old_string === '') return refuse('old_string is empty; write_file makes a new file.')
  if (edit.old_string === edit.new_string) return refuse('old_string and new_string are the same.')
  return replaceExact(text, edit) ?? replaceLines(text, edit) ?? refuse(describeMiss(text, edit.old_string))
}

function refuse(problem: string): EditOutcome {
  return { ok: false, problem }
}

/** Null when the text does not hold it. */
function replaceExact(text: string, edit: Edit): EditOutcome | null {
  const lineEnd = findLineEnd(text)
  const candidates = [
    ...new Set([edit.old_string, withLineEnd(edit.old_string, lineEnd), withLineEnd(edit.old_string, '\n')]),
  ]
  for (const wanted of candidates) {
    const at = findAll(text, wanted)
    if (at.length === 0) continue
    if (at.length > 1 && !edit.replace_all) {
      const lines = at.slice(0, 10).map((offset) => lineOf(text, offset))
      return refuse(
        `old_string is there ${at.length} times, in lines ${lines.join(', ')}${at.length > 10 ? ', ...' : ''}. ` +
          'Give more of the lines around the one you mean, or set replace_all.',
      )
    }
    // Pieces are joined, so that nothing in new_string is taken for a pattern.
    const replacement = withLineEnd(edit.new_string, /\r?\n/.exec(wanted)?.[0] ?? lineEnd)
    return { ok: true, text: text.split(wanted).join(replacement), replaced: at.length, fallback: null }
  }
  return null
}

/** Null when no run of lines is the same; several that are the same are refused. */
function replaceLines(text: string, edit: Edit): EditOutcome | null {
  const lines = text.split(/(?<=\n)/)
  const wanted = edit.old_string.replace(/\r?\n$/, '').split('\n')
  const trimmed = wanted.map((line) => line.trim())
  if (trimmed.every((line) => line === '')) return null
  const starts = findRuns(lines, trimmed)
  if (starts.length === 0) return null
  const [start] = starts
  if (start === undefined || starts.length > 1) {
    const numbers = starts.slice(0, 10).map((index) => index + 1)
    return refuse(
      `old_string is not there exactly; without white space at the ends of lines it is there ${starts.length} times, ` +
        `from lines ${numbers.join(', ')}. Copy the one you mean exactly, with more of the lines around it.`,
    )
  }
  const end = start + wanted.length
  const found = lines.slice(start, end)
  const indented = moveIndent({ from: wanted, to: found, text: edit.new_string })
  const replacement = withLineEnd(indented.text, findLineEnd(text))
  const whole = edit.old_string.endsWith('\n')
  const last = found.at(-1) ?? ''
  const kept = whole ? '' : last.slice(last.trimEnd().length).replace(/[^\r\n]/g, '')
  return {
    ok: true,
    text: lines.slice(0, start).join('') + replacement + kept + lines.slice(end).join(''),
    replaced: 1,
    fallback:
      `old_string was not there exactly; the only lines that are the same but for white space at their ends were replaced ` +
      `(lines ${start + 1} to ${end})${indented.moved ? ', and the new lines were indented as those were' : ''}`,
  }
}

function findRuns(lines: string[], trimmed: string[]): number[] {
  const own = lines.map((line) => line.trim())
  const starts: number[] = []
  for (let start = 0; start + trimmed.length <= own.length; start += 1) {
    if (trimmed.every((line, index) => own[start + index] === line)) starts.push(start)
  }
  return starts
}

/** When every line was found one and the same piece of indentation further in or out, the new lines go with it. */
function moveIndent(options: { from: string[]; to: string[]; text: string }): { text: string; moved: boolean } {
  const pairs = options.from
    .map((line, index) => ({
      given: indentOf(line),
      found: indentOf(options.to[index] ?? ''),
      blank: line.trim() === '',
    }))
    .filter((pair) => !pair.blank)
  const first = pairs[0]
  if (first === undefined || first.given === first.found) return { text: options.text, moved: false }
  const fits = (line: string) => line.startsWith(first.given)
  const shifted = (indent: string) => first.found + indent.slice(first.given.length)
  if (!pairs.every(({ given, found }) => fits(given) && shifted(given) === found))
    return { text: options.text, moved: false }
  const newLines = options.text.split('\n')
  if (!newLines.every((line) => line.trim() === '' || fits(line))) return { text: options.text, moved: false }
  const moved = newLines.map((line) => (line.trim() === '' ? line : first.found + line.slice(first.given.length)))
  return { text: moved.join('\n'), moved: true }
}

function indentOf(line: string): string {
  return line.match(/^[ \t]*/)?.[0] ?? ''
}

/** The line end that most lines of the text have. */
function findLineEnd(text: string): '\n' | '\r\n' {
  const all = text.split('\n').length - 1
  const windows = text.split('\r\n').length - 1
  return windows > all / 2 ? '\r\n' : '\n'
}

function withLineEnd(text: string, lineEnd: string): string {
  return text.replace(/\r?\n/g, () => lineEnd)
}

function findAll(text: string, wanted: string): number[] {
  const found: number[] = []
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length)) found.push(at)
  return found
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

/** Quotes the lines that share most with what was looked for. */
function describeMiss(text: string, wanted: string): string {
  const lines = text.split('\n')
  const parts = wanted.split('\n').map((line) => wordsOf(line))
  const longest = parts.reduce((best, words, index) => (words.size > (parts[best]?.size ?? 0) ? index : best), 0)
  let nearest = { line: -1, score: 0 }
  for (const [index, line] of lines.entries()) {
    const score = similarity(wordsOf(line), parts[longest] ?? new Set())
    if (score > nearest.score) nearest = { line: index, score }
  }
  const miss = 'old_string is not in the file, neither exactly nor without white space at the ends of lines.'
  if (nearest.score < 0.3) return `${miss} Nothing in it comes near; read it with read_file.`
  const first = Math.max(0, nearest.line - longest - 1)
  const quoted = lines
    .slice(first, first + Math.min(parts.length + 2, LIMITS.nearest.lines))
    .map((line, index) => `${String(first + index + 1).padStart(6)}\t${line.replace(/\r$/, '').slice(0, 300)}`)
  return `${miss} The nearest lines are:\n${quoted.join('\n')}`
}

function wordsOf(line: string): Set<string> {
  return new Set(line.match(/[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [])
}

/** Sørensen-Dice: 0 nothing in common, 1 the same words. */
function similarity(a: Set<string>, b: Set<string>): number {
  if (a.size === 0 || b.size === 0) return 0
  let common = 0
  for (const word of a) if (b.has(word)) common += 1
  return (2 * common) / (a.size + b.size)
}
