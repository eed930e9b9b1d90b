/** Pushes HEAD to the target branch through the broker, which decides. */
import type { PushAnswer, PushCommand } from '../../contract/bridge.ts'
import { isBranchName } from './branch-name.ts'
import { headOf } from './commit.ts'
import { GitProblem } from './git-problem.ts'
import { findCloneRecord, REMOTE, remoteUrl } from './repository-settings.ts'
import { type Git, withoutProgress } from './run-git.ts'

const PUSH_TIMEOUT_MS = 15 * 60_000

export async function pushHead(
  { git, signal }: { git: Git; signal?: AbortSignal | undefined },
  { targetBranch }: PushCommand,
): Promise<PushAnswer> {
  if (!isBranchName(targetBranch)) throw new GitProblem('branch_not_found', `"${targetBranch}" is not a branch's name.`)
  const record = await findCloneRecord(git)
  if (!record?.complete) throw new GitProblem('state_conflict', "The workspace holds no clone of Berth's.")
  const head = await headOf(git)
  const result = await git.try(
    [
      'push',
      '--no-verify',
      '--no-follow-tags',
      '--no-signed',
      '--recurse-submodules=no',
      remoteUrl(record.repository),
      `HEAD:refs/heads/${targetBranch}`,
    ],
    { signal, timeoutMs: PUSH_TIMEOUT_MS },
  )
  const message = withoutProgress(result.output)
  if (result.exitCode !== 0) return { ok: false, head, message: message || `git push ended with ${result.exitCode}` }
  await git.run(['update-ref', `refs/remotes/${REMOTE}/${targetBranch}`, head])
  return { ok: true, head, message }
}
