/** run_command: a program, or a shell line, run in the workspace to its end. */
import { z } from 'zod'
import type { CommandResult } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'

const maxSeconds = LIMITS.command.maxTimeoutMs / 1000

const input = z.strictObject({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe(
      'A line for bash, e.g. "npm test 2>&1 | tail -50"; or a program and its arguments as a list, which no shell reads.',
    ),
  cwd: z.string().min(1).optional().describe('Folder to run in. Default: the workspace.'),
  timeout: z
    .number()
    .positive()
    .max(maxSeconds)
    .optional()
    .describe(
      `Seconds until the command is ended, up to ${maxSeconds}. Give more for installs, builds and long tests.`,
    ),
})

export const runCommand = defineTool<z.infer<typeof input>>({
  name: 'run_command',
  description:
    'Runs a command and returns its exit code and output (standard output and error as they came; of a long one the ' +
    'beginning and the end, the whole is in a file). There is no terminal and no input. What the command leaves running in ' +
    'the background is ended with it.',
  input,
  async execute({ command, cwd, timeout }, context) {
    const timeoutMs = timeout === undefined ? context.commandTimeoutMs : timeout * 1000
    const result = await context.workspace.run(
      {
        command: typeof command === 'string' ? { line: command } : { argv: command },
        timeoutMs,
        maxOutputChars: LIMITS.command.outputChars,
        ...(cwd !== undefined && { cwd }),
      },
      { signal: context.signal, onOutput: (chunk) => context.onOutput(chunk) },
    )
    const output = result.output === '' ? '(no output)' : result.output.trimEnd()
    const notices = (result.notices ?? []).map((notice) => `\n[network] ${notice}`)
    const text = `${describeEnd(result, timeoutMs)}\n\n${output}${notices.join('')}`
    const { exitCode, signal, durationMs, truncated, outputPath, timedOut } = result
    const detail = { exitCode, signal, durationMs, truncated, outputPath, timedOut }
    return exitCode === 0 && !timedOut && !result.cancelled ? success(text, detail) : failure(text, detail)
  },
})

function describeEnd(result: CommandResult, timeoutMs: number): string {
  const after = `${(result.durationMs / 1000).toFixed(1)} s`
  if (result.cancelled) return `Cancelled after ${after}; the command and all that it started were ended.`
  if (result.timedOut) {
    return (
      `Timed out: after ${timeoutMs / 1000} s the command and all that it started were ended. ` +
      `If it needs longer, give timeout (seconds, up to ${maxSeconds}).`
    )
  }
  if (result.exitCode === null) return `Ended by ${result.signal ?? 'a signal'} after ${after}.`
  return `Exit code ${result.exitCode} after ${after}.`
}
