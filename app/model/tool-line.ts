/**
 * A tool call in a line: an icon, a verb, its object, and what came of it.
 * Owns: those words for each tool. Must not know: React, how a tool works. Inputs are the model's own: every shape is possible.
 */
import { formatDuration } from './format.ts'
import type { ToolEntry } from './transcript-types.ts'

export type ToolIcon = 'term' | 'file' | 'folder' | 'search' | 'edit' | 'list' | 'branch' | 'pr' | 'gear'

export interface ToolLine {
  icon: ToolIcon
  verb: string
  object: string
  /** True where the object is what a machine would read. */
  mono: boolean
}

interface ToolWords {
  icon: ToolIcon
  doing: string
  done: string
  /** Input fields that name the object, the first present one wins. */
  object: string[]
}

const TOOLS: Record<string, ToolWords> = {
  read_file: { icon: 'file', doing: 'Reading', done: 'Read', object: ['path'] },
  write_file: { icon: 'edit', doing: 'Writing', done: 'Wrote', object: ['path'] },
  edit_file: { icon: 'edit', doing: 'Editing', done: 'Edited', object: ['path'] },
  list_directory: { icon: 'folder', doing: 'Listing', done: 'Listed', object: ['path'] },
  search_files: { icon: 'search', doing: 'Searching', done: 'Searched', object: ['pattern', 'query'] },
  find_files: { icon: 'search', doing: 'Looking for', done: 'Looked for', object: ['pattern', 'glob'] },
  git_status: { icon: 'branch', doing: 'Checking git status', done: 'Checked git status', object: [] },
  git_diff: { icon: 'branch', doing: 'Reading the diff', done: 'Read the diff', object: ['path'] },
  git_log: { icon: 'branch', doing: 'Reading the history', done: 'Read the history', object: ['path'] },
  run_command: { icon: 'term', doing: 'Running', done: 'Ran', object: ['command', 'args', 'argv'] },
  update_tasks: { icon: 'list', doing: 'Updating the plan', done: 'Updated the plan', object: [] },
  create_pull_request: {
    icon: 'pr',
    doing: 'Asking for a pull request',
    done: 'Asked for a pull request',
    object: ['title'],
  },
}

const OBJECT_LENGTH = 400

export function describeTool(entry: Pick<ToolEntry, 'tool' | 'input' | 'result'>): ToolLine {
  const words = Object.hasOwn(TOOLS, entry.tool) ? TOOLS[entry.tool] : undefined
  if (!words) {
    const verb = entry.result ? 'Called' : 'Calling'
    return { icon: 'gear', verb, object: entry.tool, mono: true }
  }
  return {
    icon: words.icon,
    verb: entry.result ? words.done : words.doing,
    object: readObject(entry.input, words.object),
    mono: entry.tool !== 'create_pull_request',
  }
}

/** One line for a list: what it does now. `Editing src/body.ts`, a command as it is. */
export function describeNow(tool: string, input: unknown): { text: string; mono: boolean } {
  const line = describeTool({ tool, input, result: null })
  if (tool === 'run_command' && line.object !== '') return { text: line.object, mono: true }
  return { text: line.object === '' ? line.verb : `${line.verb} ${line.object}`, mono: line.object !== '' }
}

/** Edits, failures, what still runs and the plan are open; reads and finished successes fold to a line. */
export function isOpenByDefault(entry: ToolEntry): boolean {
  if (entry.tool === 'update_tasks') return entry.result?.outcome !== 'error'
  if (entry.result === null) return entry.tool === 'run_command'
  if (entry.changes.length > 0) return true
  const exitCode = readExitCode(entry)
  if (exitCode !== null) return exitCode !== 0
  return entry.result.outcome !== 'ok'
}

/** Of a command that ended by itself; null for everything else. */
export function readExitCode(entry: Pick<ToolEntry, 'result'>): number | null {
  const exitCode = entry.result?.detail.exitCode
  return typeof exitCode === 'number' ? exitCode : null
}

/** What stands at the right of the line. */
export function describeTook(entry: Pick<ToolEntry, 'result'>): string {
  if (!entry.result) return ''
  const parts = [describeFound(entry.result.detail), formatDuration(entry.result.durationMs)]
  return parts.filter((part) => part !== '').join(' · ')
}

const EXIT_LINE = /^Exit code -?\d+ after [\d.]+ s\.\n\n/

/** What came out, without the line that says again what stands at the right. */
export function readOutput(entry: Pick<ToolEntry, 'tool' | 'result' | 'liveOutput'>): string {
  if (!entry.result) return entry.liveOutput.text
  return entry.tool === 'run_command' ? entry.result.output.replace(EXIT_LINE, '') : entry.result.output
}

function describeFound(detail: Record<string, unknown>): string {
  const { matches, files } = detail
  if (typeof matches === 'number' && typeof files === 'number') return `${matches} in ${files} files`
  if (typeof matches === 'number') return `${matches} found`
  return ''
}

function readObject(input: unknown, names: readonly string[]): string {
  if (typeof input !== 'object' || input === null) return ''
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name]
    if (typeof value === 'string') return oneLine(value)
    if (Array.isArray(value)) return oneLine(value.filter((part) => typeof part === 'string').join(' '))
  }
  return ''
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, OBJECT_LENGTH)
}
