/** Ripgrep as search_files and find_files call it: fixed flags, no configuration, ended as soon as there is enough. */
import { type CommandResult, WorkspaceError } from '../workspace-port.ts'
import { explainMissing } from './text-file.ts'
import type { ToolContext } from './tool.ts'

/**
 * .gitignore counts also outside a repository; hidden files are searched (.github, say), .git never. A path is always given,
 * so ripgrep never waits for input.
 */
const FIXED = ['--no-config', '--color=never', '--hidden', '--no-require-git', '--no-messages', '--glob=!.git']

/**
 * A glob that picks files is no `--glob`: that would bring back what .gitignore names. As an ignore file (everything, but no
 * folder, and not what matches) it ranks below .gitignore. `$1` is that file, the rest are ripgrep's arguments.
 */
const WITH_IGNORE_FILE = 'file=$1; shift; exec rg --ignore-file <(printf %s "$file") "$@"'

export interface RipgrepCall {
  /** Flags of the caller's own. What the model gave stands behind `-e`. */
  flags: string[]
  /** Only files that match; with "!" in front, only those that do not. */
  glob?: string | undefined
  /** As the workspace shows it. */
  path: string
  maxOutputChars: number
  timeoutMs: number
  /** Lines after which ripgrep is ended. */
  maxLines: number
}

export interface RipgrepAnswer {
  /** In ripgrep's order, at most `maxLines`. */
  lines: string[]
  /** There was more. */
  more: boolean
  result: CommandResult
}

export async function runRipgrep(call: RipgrepCall, { workspace, signal }: ToolContext): Promise<RipgrepAnswer> {
  const enough = new AbortController()
  let lineCount = 0
  const result = await workspace.run(
    {
      command: { argv: createArguments(call) },
      timeoutMs: call.timeoutMs,
      maxOutputChars: call.maxOutputChars,
    },
    {
      signal: AbortSignal.any([signal, enough.signal]),
      onOutput(chunk) {
        lineCount += chunk.split('\n').length - 1
        if (lineCount > call.maxLines) enough.abort()
      },
    },
  )
  // Only the head of a cut output is whole lines.
  const whole = result.truncated ? result.output.slice(0, Math.floor(call.maxOutputChars / 2)) : result.output
  const lines = whole.split('\n')
  lines.pop()
  return { lines: lines.slice(0, call.maxLines), more: lines.length > call.maxLines || result.truncated, result }
}

function createArguments({ flags, glob, path }: RipgrepCall): string[] {
  if (glob === undefined) return ['rg', ...FIXED, ...flags, '--', path]
  if (glob.startsWith('!')) return ['rg', ...FIXED, ...flags, `--glob=${glob}`, '--', path]
  const ignoreFile = ['*', '!*/', `!${glob.replace(/^\.\//, '').replaceAll('\n', '')}`, ''].join('\n')
  return ['bash', '-c', WITH_IGNORE_FILE, 'bash', ignoreFile, ...FIXED, ...flags, '--', path]
}

/** Words for an answer that is none, or null: 0 is found, 1 is nothing found, and one that had enough was ended by us. */
export function explainFailure({ result }: RipgrepAnswer, found: number): string | null {
  if (result.timedOut)
    return `The search was ended after ${Math.round(result.durationMs / 1000)} s. Search in a folder, or for less.`
  if (result.cancelled || result.exitCode === 0 || result.exitCode === 1) return null
  // 2 with matches: some file could not be read.
  if (result.exitCode === 2 && found > 0) return null
  return `The search failed: ${result.output.trim() || `exit code ${result.exitCode}`}`
}

/** The path as the workspace shows it. Throws WorkspaceError, with near names for one that is not there. */
export async function resolveSearchPath(path: string, { workspace }: ToolContext): Promise<string> {
  const stat = await workspace.stat(path)
  if (stat === null) throw await explainMissing(workspace, path)
  if (stat.kind === 'other') throw new WorkspaceError('failed', `${path} is neither a file nor a directory.`)
  return stat.path
}

/** ripgrep shows what lies in "." as "./name". */
export function withoutDot(path: string): string {
  return path.startsWith('./') ? path.slice(2) : path
}
