/** Git as the tools call it: fixed arguments first, no optional locks, paths as they are, bounded. */
import type { CommandResult } from '../workspace-port.ts'
import { failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const FIXED = ['--no-optional-locks', '-c', 'core.quotePath=false', '-c', 'color.ui=false']

export interface GitOptions {
  input?: string
  maxOutputChars?: number
  timeoutMs?: number
  onOutput?: (chunk: string) => void
  /** check-ignore refuses `--literal-pathspecs`; its caller takes care of paths that begin with ":". */
  magicPathspecs?: boolean
}

/** `args` must hold nothing of the model's before `--end-of-options` or `--`. */
export function runGit(args: string[], context: ToolContext, options: GitOptions = {}): Promise<CommandResult> {
  return context.workspace.run(
    {
      command: { argv: ['git', ...FIXED, ...(options.magicPathspecs ? [] : ['--literal-pathspecs']), ...args] },
      timeoutMs: options.timeoutMs ?? LIMITS.git.timeoutMs,
      maxOutputChars: options.maxOutputChars ?? LIMITS.git.outputChars,
      ...(options.input !== undefined && { input: options.input }),
    },
    { signal: context.signal, ...(options.onOutput && { onOutput: options.onOutput }) },
  )
}

/** Git's own words; `empty` where it has none. */
export function describeGit(result: CommandResult, what: { command: string; empty: string }): ToolOutput {
  const output = result.output.trimEnd()
  if (result.cancelled) return failure(`${what.command} was cancelled.`)
  if (result.timedOut) return failure(`${what.command} was ended, it took too long.\n${output}`)
  const detail = { exitCode: result.exitCode, truncated: result.truncated, outputPath: result.outputPath }
  if (result.exitCode !== 0)
    return failure(`${what.command} failed with exit code ${result.exitCode}.\n${output}`, detail)
  return success(output === '' ? what.empty : output, detail)
}
