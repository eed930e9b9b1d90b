/**
 * Commits what lies in the workspace on the target branch, wherever the agent left HEAD. Nothing of the agent's is thrown
 * away: where its commits and the target branch have parted, a person or the agent has to say what is wanted.
 */

import type { Clock } from '../../../lib/clock.ts'
import type { CommitAnswer, CommitCommand } from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'
import { GitProblem } from './git-problem.ts'
import { type CloneRecord, findCloneRecord, REMOTE } from './repository-settings.ts'
import { failureOf, findSha, type Git } from './run-git.ts'
import { findUnbornBranch } from './unborn-branch.ts'

const ADD_TIMEOUT_MS = 5 * 60_000
/** A lock this old is what a killed git left: Berth commits between runs, when no other git is at work. */
const STALE_LOCK_MS = 5_000
/** Between two commands of one run HEAD is moved by Berth alone, if at all. */
const REFLOG_ENTRIES = 5

export interface CommitContext {
  git: Git
  workspace: Workspace
  clock: Clock
  signal?: AbortSignal | undefined
}

export async function commitAll(context: CommitContext, command: CommitCommand): Promise<CommitAnswer> {
  const { git, signal } = context
  const record = await findCloneRecord(git)
  if (!record?.complete) throw new GitProblem('state_conflict', "The workspace holds no clone of Berth's.")
  await removeStaleLock(context)
  await assertMerged(git)
  await assertCommit(context, record)
  const source = `refs/remotes/${REMOTE}/${record.sourceBranch}`
  const move = await chooseMove(git, record.targetBranch)
  await assertRelated(git, { ...record, source, work: move === 'to_target' ? branchRef(record.targetBranch) : 'HEAD' })
  await moveHead(git, { move, target: record.targetBranch })
  await git.run(['add', '--all', '.'], { signal, timeoutMs: ADD_TIMEOUT_MS })
  const sha = (await hasSomethingToCommit(git)) ? await writeCommit(context, command) : null
  const head = await headOf(git)
  const isEarlier = sha === null && (await isMadeFor(git, { head, runId: command.runId }))
  const ahead = await countAhead(git, source)
  return { sha, ...(isEarlier && { earlierSha: head }), head, ahead, ...(await measureChange(git, source)) }
}

/** The commit HEAD names. Throws when there is none. */
export async function headOf(git: Git): Promise<string> {
  const head = findSha(await git.run(['rev-parse', '--verify', 'HEAD^{commit}']))
  if (head === null) throw new GitProblem('state_conflict', 'The HEAD of the workspace names no commit.')
  return head
}

async function removeStaleLock({ workspace, clock }: CommitContext): Promise<void> {
  const lock = await workspace.stat('.git/index.lock')
  if (!lock || clock.now().getTime() - lock.mtimeMs < STALE_LOCK_MS) return
  await workspace.run({ command: { argv: ['rm', '-f', '.git/index.lock'] }, timeoutMs: 10_000, maxOutputChars: 1_000 })
}

async function assertMerged(git: Git): Promise<void> {
  const unmerged = await git.run(['diff', '--name-only', '--diff-filter=U'])
  if (unmerged.trim() === '') return
  throw new GitProblem('state_conflict', `These files have unresolved merge conflicts:\n${unmerged.trim()}`)
}

/** A first commit would have no history in common with the source branch: nothing that a pull request can be made of. */
async function assertCommit(context: CommitContext, { sourceBranch, targetBranch }: CloneRecord): Promise<void> {
  const branch = await findUnbornBranch(context, { signal: context.signal })
  if (branch === null) return
  throw new GitProblem(
    'state_conflict',
    `HEAD is on the branch ${branch}, which has no commit yet, and so no history in common with ${sourceBranch}. Bring the work to ${targetBranch} on top of ${sourceBranch}, then try again.`,
  )
}

/** The same for a branch that began without history and has commits of its own. */
async function assertRelated(
  git: Git,
  { source, work, sourceBranch, targetBranch }: CloneRecord & { source: string; work: string },
): Promise<void> {
  const args = ['merge-base', source, work]
  const result = await git.try(args)
  if (result.exitCode === 0) return
  if (result.exitCode !== 1) throw failureOf(args, result)
  throw new GitProblem(
    'state_conflict',
    `The commits of the workspace have no history in common with ${sourceBranch}. Bring the work to ${targetBranch} on top of ${sourceBranch}, then try again.`,
  )
}

/** How HEAD comes onto the target branch: it is there, the branch comes to it, or it goes to the branch, which is ahead. */
type Move = 'none' | 'target_to_head' | 'to_target'

const branchRef = (branch: string) => `refs/heads/${branch}`

async function chooseMove(git: Git, target: string): Promise<Move> {
  const symbolic = await git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'])
  if (symbolic.exitCode === 0 && symbolic.output.trim() === target) return 'none'
  const where = symbolic.exitCode === 0 ? `on the branch ${symbolic.output.trim()}` : 'detached'
  const ref = branchRef(target)
  const exists = (await git.try(['rev-parse', '--verify', '--quiet', ref])).exitCode === 0
  if (!exists || (await isAncestor(git, ref, 'HEAD'))) return 'target_to_head'
  const status = await git.run(['status', '--porcelain'])
  if (status.trim() === '' && (await isAncestor(git, 'HEAD', ref))) return 'to_target'
  throw new GitProblem(
    'state_conflict',
    `HEAD is ${where}, which is not ahead of the target branch ${target}. Check out ${target} and bring the work there, then try again.`,
  )
}

/** Where the branch comes to HEAD nothing is checked out: a merge in progress stays one, and gets both of its parents. */
async function moveHead(git: Git, { move, target }: { move: Move; target: string }): Promise<void> {
  if (move === 'to_target') await git.run(['checkout', '--quiet', target, '--'])
  if (move !== 'target_to_head') return
  await git.run(['update-ref', '-m', MOVED, branchRef(target), 'HEAD'])
  await git.run(['symbolic-ref', '-m', MOVED, 'HEAD', branchRef(target)])
}

const MOVED = 'Berth: the target branch comes to the work'

async function isAncestor(git: Git, ancestor: string, descendant: string): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', ancestor, descendant]
  const result = await git.try(args)
  if (result.exitCode === 0 || result.exitCode === 1) return result.exitCode === 0
  throw failureOf(args, result)
}

async function hasSomethingToCommit(git: Git): Promise<boolean> {
  const args = ['diff', '--cached', '--quiet', '--no-ext-diff', '--ignore-submodules=none']
  const staged = await git.try(args)
  if (staged.exitCode === 1) return true
  if (staged.exitCode !== 0) throw failureOf(args, staged)
  return (await git.try(['rev-parse', '--verify', '--quiet', 'MERGE_HEAD'])).exitCode === 0
}

async function writeCommit({ git, signal }: CommitContext, { message, author, runId }: CommitCommand): Promise<string> {
  // Of a cherry-pick in progress git takes the author of what is picked; else it does not take the option.
  const isPick = (await git.try(['rev-parse', '--verify', '--quiet', 'CHERRY_PICK_HEAD'])).exitCode === 0
  const args = ['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--cleanup=whitespace', '--file=-']
  await git.run([...args, ...(isPick ? ['--reset-author'] : [])], {
    signal,
    input: message.trim() === '' ? 'Changes by the agent\n' : message,
    timeoutMs: ADD_TIMEOUT_MS,
    env: {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
      ...(runId !== undefined && { GIT_REFLOG_ACTION: reflogAction(runId) }),
    },
  })
  return headOf(git)
}

/** Stands in the reflog beside the commit, written with it: whoever asks again after a crash finds whose it is. */
const reflogAction = (runId: string) => `commit (Berth, ${runId})`

/** Whether HEAD is the commit that an earlier command for this run has made. */
async function isMadeFor(git: Git, { head, runId }: { head: string; runId: string | undefined }): Promise<boolean> {
  if (runId === undefined) return false
  const log = await git.try(['log', '--walk-reflogs', '-n', `${REFLOG_ENTRIES}`, '--format=%H %gs', 'HEAD', '--'])
  return log.output.split('\n').some((line) => line.startsWith(`${head} ${reflogAction(runId)}: `))
}

async function countAhead(git: Git, source: string): Promise<number> {
  const output = await git.run(['rev-list', '--count', `${source}..HEAD`, '--'])
  return Number(/^\d+$/m.exec(output)?.[0] ?? 0)
}

/** What a pull request would show: from where the branches parted to HEAD. */
async function measureChange(
  git: Git,
  source: string,
): Promise<{ files: number; additions: number; deletions: number }> {
  const output = await git.run(['diff', '--shortstat', '--no-ext-diff', `${source}...HEAD`, '--'])
  const count = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0)
  return {
    files: count(/(\d+) files? changed/),
    additions: count(/(\d+) insertions?\(\+\)/),
    deletions: count(/(\d+) deletions?\(-\)/),
  }
}
