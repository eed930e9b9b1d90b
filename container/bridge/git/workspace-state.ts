/**
 * The clone as it is: what the control plane compares between two runs. Owns: what counts as the same. Must not know: what
 * follows from a difference.
 */
import { createHash } from 'node:crypto'
import type { WorkspaceState } from '../../contract/bridge.ts'
import type { CommandResult, Workspace } from '../workspace-port.ts'
import { hasBlockingPipe } from './blocking-pipe.ts'
import { GitProblem } from './git-problem.ts'
import { DEMAND_COMPLETE_CLONE } from './repository-settings.ts'
import { failureOf, findSha, type Git } from './run-git.ts'
import { listContents } from './set-aside.ts'
import { findUnbornBranch } from './unborn-branch.ts'

/** Longer than it takes on a repository of ordinary size. What only a larger one shows too late is not known, and not compared. */
const TIMEOUT_MS = 10_000

/**
 * Commit, branch and digest of a whole clone of Berth's, a line each as soon as it is known. Digested are contents of tracked
 * files, names and sizes of new ones; what git ignores does not count. Made where the files are: only 64 characters of it come
 * over. One shell, and of git no more than has to run: every agent waits for this between two runs.
 */
const LOOK = `
head=$(git rev-parse 'HEAD^{commit}' --symbolic-full-name HEAD) || exit
${DEMAND_COMPLETE_CLONE}
echo "$head"
${lookAtFiles('HEAD')}`

/** Without a base, what git tracks is compared with its index: the status names what is in that. */
function lookAtFiles(base: 'HEAD' | ''): string {
  return `exec 2>/dev/null
seen() { git status --porcelain=v2 --untracked-files=all --no-renames "$@"; }
changes=$(seen) || exit
[ -n "$changes" ] || { echo clean; exit; }
set -o pipefail
digest=$({
  seen -z &&
    git diff --no-ext-diff --no-textconv --binary ${base} &&
    git ls-files --others --exclude-standard -z | xargs -0 -r stat --format='%n %s' --
} | sha256sum) && echo "digest $digest"`
}

const DIGEST_OF_NOTHING = createHash('sha256').digest('hex')

/** Git's exit codes where there is no commit or no record of a clone, and where there is no repository. */
const NO_CLONE: readonly (number | null)[] = [1, 128]

export interface StateContext {
  git: Git
  workspace: Workspace
  signal?: AbortSignal | undefined
}

/** Throws GitProblem `upstream_failed` when git could not be asked: that says nothing of the clone. */
export async function readWorkspaceState(context: StateContext): Promise<WorkspaceState> {
  const result = await look(context, LOOK)
  const { output } = result
  const head = findSha(output)
  if (head === null) return await readWithoutCommit(context, result)
  const branch = /^refs\/heads\/(.+)$/m.exec(output)?.[1] ?? null
  return { cloned: true, head, branch, digest: readDigest(output) }
}

async function readWithoutCommit(context: StateContext, looked: CommandResult): Promise<WorkspaceState> {
  if (looked.timedOut && (await hasBlockingPipe(context))) return { ...NOTHING, empty: false }
  assertNoCommit(looked)
  const branch = await findUnbornBranch(context, { signal: context.signal })
  if (branch === null) return { ...NOTHING, empty: await isEmpty(context) }
  const { output } = await look(context, lookAtFiles(''))
  return { cloned: true, head: null, branch, digest: readDigest(output) }
}

const NOTHING = { cloned: false, head: null, branch: null, digest: null }

/** What was moved aside for a clone that was not made is something. */
async function isEmpty({ workspace }: StateContext): Promise<boolean> {
  const { names, setAside } = await listContents(workspace)
  return names.length + setAside.length === 0
}

async function look({ workspace, signal }: StateContext, line: string): Promise<CommandResult> {
  const command = { command: { line }, timeoutMs: TIMEOUT_MS, maxOutputChars: 4_000 }
  const result = await workspace.run(command, signal === undefined ? {} : { signal })
  if (result.cancelled) throw new GitProblem('upstream_failed', 'Looking at the workspace was cancelled.')
  return result
}

function readDigest(output: string): string | null {
  if (/^clean$/m.test(output)) return DIGEST_OF_NOTHING
  return /^digest ([0-9a-f]{64})\b/m.exec(output)?.[1] ?? null
}

/** Not git's answer, so nothing about the repository: it could not be started (no process is left for it, say), or was killed. */
function assertNoCommit(result: CommandResult): void {
  if (result.timedOut || !NO_CLONE.includes(result.exitCode)) throw failureOf(['rev-parse'], result)
}
