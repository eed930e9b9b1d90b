/**
 * The clone as it is: what the control plane compares between two runs. Owns: what counts as the same. Must not know: what
 * follows from a difference.
 */
import { createHash } from 'node:crypto'
import type { WorkspaceState } from '../../contract/bridge.ts'
import type { CommandResult, Workspace } from '../workspace-port.ts'
import { GitProblem } from './git-problem.ts'
import { failureOf, findSha } from './run-git.ts'

/** Longer than it takes on a repository of ordinary size. What only a larger one shows too late is not known, and not compared. */
const TIMEOUT_MS = 10_000

/**
 * Commit, branch and digest, a line each as soon as it is known. Digested are contents of tracked files, names and sizes of new
 * ones; what git ignores does not count. Made where the files are: only 64 characters of it come over. One shell, and of git no
 * more than has to run: every agent waits for this between two runs.
 */
const LOOK = `
git rev-parse 'HEAD^{commit}' --symbolic-full-name HEAD || exit
exec 2>/dev/null
seen() { git status --porcelain=v2 --untracked-files=all --no-renames "$@"; }
changes=$(seen) || exit
[ -n "$changes" ] || { echo clean; exit; }
set -o pipefail
digest=$({
  seen -z &&
    git diff --no-ext-diff --no-textconv --binary HEAD &&
    git ls-files --others --exclude-standard -z | xargs -0 -r stat --format='%n %s' --
} | sha256sum) && echo "digest $digest"`

const DIGEST_OF_NOTHING = createHash('sha256').digest('hex')

/** Git's exit codes where there is no commit, and where there is no repository. */
const NO_CLONE: readonly (number | null)[] = [1, 128]

/** Throws GitProblem `upstream_failed` when git could not be asked: that says nothing of the clone. */
export async function readWorkspaceState(workspace: Workspace, signal?: AbortSignal): Promise<WorkspaceState> {
  const command = { command: { line: LOOK }, timeoutMs: TIMEOUT_MS, maxOutputChars: 4_000 }
  const result = await workspace.run(command, signal === undefined ? {} : { signal })
  if (result.cancelled) throw new GitProblem('upstream_failed', 'Looking at the workspace was cancelled.')
  const { output } = result
  const head = findSha(output)
  if (head === null) return requireNoClone(result)
  const branch = /^refs\/heads\/(.+)$/m.exec(output)?.[1] ?? null
  return { cloned: true, head, branch, digest: readDigest(output) }
}

function readDigest(output: string): string | null {
  if (/^clean$/m.test(output)) return DIGEST_OF_NOTHING
  return /^digest ([0-9a-f]{64})\b/m.exec(output)?.[1] ?? null
}

/** Not git's answer, so nothing about the repository: it could not be started (no process is left for it, say), or was killed. */
function requireNoClone(result: CommandResult): WorkspaceState {
  if (result.timedOut || !NO_CLONE.includes(result.exitCode)) throw failureOf(['rev-parse'], result)
  return { cloned: false, head: null, branch: null, digest: null }
}
