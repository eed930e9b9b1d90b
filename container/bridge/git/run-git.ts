/**
 * Runs git where the repository's code runs: through the Workspace port, as the agent's user, never as the bridge's. Owns: the
 * settings that keep git from waiting for a person, a pager or a key, and the way to the broker. Must not know: what is asked.
 */
import type { CommandResult, Workspace } from '../workspace-port.ts'
import { GitProblem } from './git-problem.ts'

const DEFAULT_TIMEOUT_MS = 60_000
const MAX_OUTPUT_CHARS = 64 * 1024
/** A shell's codes for a program that cannot be started. */
const NOT_STARTED: ReadonlySet<number> = new Set([126, 127])

export interface GitOptions {
  signal?: AbortSignal | undefined
  timeoutMs?: number
  env?: Record<string, string>
  input?: string
  onOutput?: (chunk: string) => void
}

export interface Git {
  /** The result, whatever git's exit code was. Throws GitProblem when git gave none: cancelled, timed out, killed, not started. */
  try(args: string[], options?: GitOptions): Promise<CommandResult>
  /** Git's output. Throws GitProblem (`disk_full`, else `upstream_failed`) with git's words when it fails. */
  run(args: string[], options?: GitOptions): Promise<string>
}

/** `proxyUrl`: the bridge's proxy, by which git.berth is reached whatever the agent's environment says. */
export function createGit({ workspace, proxyUrl }: { workspace: Workspace; proxyUrl: string }): Git {
  const settings = {
    'http.http://git.berth/.proxy': proxyUrl,
    'core.editor': 'true',
    'core.pager': 'cat',
    // Hooks are the agent's to run: `--no-verify` would still leave some of them in the way of Berth's own commands.
    'core.hooksPath': '/dev/null',
    'credential.helper': '',
    'commit.gpgsign': 'false',
    'tag.gpgsign': 'false',
    'gc.auto': '0',
    'maintenance.auto': 'false',
    'advice.detachedHead': 'false',
    'submodule.recurse': 'false',
    'core.quotePath': 'false',
    // A commit of Berth's own is found again by its entry.
    'core.logAllRefUpdates': 'true',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const env = {
    LC_ALL: 'C.UTF-8',
    LANGUAGE: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_EDITOR: 'true',
    GIT_PAGER: 'cat',
    // A retried fetch must not be given up for a slow start; one that stalls for 2 minutes is.
    GIT_HTTP_LOW_SPEED_LIMIT: '1',
    GIT_HTTP_LOW_SPEED_TIME: '120',
  }
  const git: Git = {
    async try(args, options = {}) {
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
      const result = await workspace.run(
        {
          command: { argv: ['git', ...flags, ...args] },
          timeoutMs,
          env: { ...env, ...options.env },
          maxOutputChars: MAX_OUTPUT_CHARS,
          ...(options.input === undefined ? {} : { input: options.input }),
        },
        {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          ...(options.onOutput === undefined ? {} : { onOutput: options.onOutput }),
        },
      )
      if (result.cancelled) throw new GitProblem('upstream_failed', `git ${args[0]} was cancelled.`)
      if (result.timedOut) {
        const words = `git ${args[0]} did not end within ${Math.round(timeoutMs / 1_000)} s.`
        throw new GitProblem('upstream_failed', words, { timedOut: true })
      }
      // Not git's answer, so nothing about the repository: it could not be started (no process is left for it, say), or was killed.
      if (result.exitCode === null || NOT_STARTED.has(result.exitCode)) throw failureOf(args, result)
      return result
    },
    async run(args, options) {
      const result = await git.try(args, options)
      if (result.exitCode === 0) return result.output
      throw failureOf(args, result)
    },
  }
  return git
}

export function failureOf(args: string[], result: CommandResult): GitProblem {
  const words = withoutProgress(result.output) || `it ended with ${result.signal ?? `exit code ${result.exitCode}`}`
  // Git has one exit code for all its failures: a full disk can be told by the words of the C library alone.
  const diskFull = /No space left on device|Disk quota exceeded/.test(result.output)
  return new GitProblem(diskFull ? 'disk_full' : 'upstream_failed', `git ${args[0]}: ${words}`)
}

/** Git's words as a person would see them at the end: of a line that was rewritten, the last state; progress left out. */
export function withoutProgress(output: string): string {
  return output
    .split('\n')
    .map((line) => line.split('\r').filter(Boolean).at(-1) ?? '')
    .filter((line) => !/^(remote: )?[A-Z][a-z]+ [a-z]+:\s+\d+% \(/.test(line) && line.trim() !== '')
    .join('\n')
    .trim()
}

/** The object id in git's output, where a warning may stand beside it. */
export function findSha(output: string): string | null {
  return /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/m.exec(output)?.[0] ?? null
}
