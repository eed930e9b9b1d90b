/**
 * A branch without a commit, as `git checkout --orphan` leaves one: work to go on from, though nothing resolves at HEAD. Owns:
 * how it is told from a repository that is broken, and from a clone that was never finished.
 */
import { type FileStat, type Workspace, WorkspaceError } from '../workspace-port.ts'
import { findCloneRecord } from './repository-settings.ts'
import type { Git, GitOptions } from './run-git.ts'

/** What `git rev-parse --verify --quiet` ends with where there is nothing of that name. */
const NAMES_NOTHING = 1

/** The branch that HEAD is on and that has no commit yet, in a whole clone of Berth's; null everywhere else. */
export async function findUnbornBranch(
  { git, workspace }: { git: Git; workspace: Workspace },
  options: Pick<GitOptions, 'signal' | 'timeoutMs'> = {},
): Promise<string | null> {
  const named = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD'], options)
  if (named.exitCode !== NAMES_NOTHING) return null
  const symbolic = await git.try(['symbolic-ref', '--quiet', 'HEAD'], options)
  const branch = symbolic.exitCode === 0 ? /^refs\/heads\/(.+)$/m.exec(symbolic.output)?.[1] : undefined
  if (branch === undefined) return null
  const record = await findCloneRecord(git, options)
  if (!record?.complete) return null
  // A file without an object id in it, as a power cut leaves one, names nothing either: git takes no commit on top of that.
  const file = await statRef(workspace, branch)
  return file === null || file.kind === 'directory' ? branch : null
}

/** 'unknown' where it may not be looked at: `.git` can be a link to anywhere. */
async function statRef(workspace: Workspace, branch: string): Promise<FileStat | { kind: 'unknown' } | null> {
  try {
    return await workspace.stat(`.git/refs/heads/${branch}`)
  } catch (error) {
    if (error instanceof WorkspaceError && error.code !== 'runner_lost') return { kind: 'unknown' }
    throw error
  }
}
