/**
 * The clone as it is: what the control plane compares between two runs. Owns: what counts as the same. Must not know: what
 * follows from a difference.
 */
import type { WorkspaceState } from '../../contract/bridge.ts'
import { findSha, type Git } from './run-git.ts'

/** Longer than any of the commands takes on a repository of ordinary size; a state that is not known is not compared. */
const TIMEOUT_MS = 10_000

/**
 * Contents of tracked files, names and sizes of new ones; what git ignores does not count. The digest is made where the files
 * are: only 64 characters of it come over.
 */
const DIGEST = [
  'set -o pipefail',
  '{ git status --porcelain=v2 --untracked-files=all --no-renames -z',
  'git diff --no-ext-diff --no-textconv --binary HEAD',
  "git ls-files --others --exclude-standard -z | xargs -0 -r stat --format='%n %s' --; } | sha256sum",
].join(' && ')

export async function readWorkspaceState(
  git: Git,
  runShell: (line: string) => Promise<string | null>,
): Promise<WorkspaceState> {
  const head = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { timeoutMs: TIMEOUT_MS })
  const sha = head.exitCode === 0 ? findSha(head.output) : null
  if (sha === null) return { cloned: false, head: null, branch: null, digest: null, dirtyFiles: 0 }
  const [branch, status, digest] = await Promise.all([
    git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'], { timeoutMs: TIMEOUT_MS }),
    git.try(['status', '--porcelain', '--untracked-files=all', '--no-renames'], { timeoutMs: TIMEOUT_MS }),
    runShell(DIGEST),
  ])
  return {
    cloned: true,
    head: sha,
    branch: branch.exitCode === 0 ? branch.output.trim() : null,
    digest: /^[0-9a-f]{64}\b/m.exec(digest ?? '')?.[0] ?? null,
    dirtyFiles: status.output.split('\n').filter((line) => line !== '').length,
  }
}
