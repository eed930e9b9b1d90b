/**
 * The clone as it is: what the control plane compares between two runs. Owns: what counts as the same. Must not know: what
 * follows from a difference.
 */
import type { WorkspaceState } from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'
import { findSha, type Git } from './run-git.ts'

/** Longer than it takes on a repository of ordinary size. What only a larger one shows too late is not known, and not compared. */
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
  { git, workspace }: { git: Git; workspace: Workspace },
  signal?: AbortSignal,
): Promise<WorkspaceState> {
  const options = { timeoutMs: TIMEOUT_MS, signal }
  const head = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], options)
  const sha = head.exitCode === 0 ? findSha(head.output) : null
  if (sha === null) return { cloned: false, head: null, branch: null, digest: null }
  const [branch, digest] = await Promise.all([
    git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'], options),
    workspace.run(
      { command: { line: DIGEST }, timeoutMs: TIMEOUT_MS, maxOutputChars: 1_000 },
      signal === undefined ? {} : { signal },
    ),
  ])
  return {
    cloned: true,
    head: sha,
    branch: branch.exitCode === 0 ? branch.output.trim() : null,
    digest: digest.exitCode === 0 ? (/^[0-9a-f]{64}\b/m.exec(digest.output)?.[0] ?? null) : null,
  }
}
