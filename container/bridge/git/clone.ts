/**
 * Puts the repository into the workspace, which may be a mount and so is never replaced itself: init, fetch, checkout. What an
 * interrupted attempt left is taken away and done again; anything else that is there is refused. Where moving aside is asked for,
 * an agent may have worked: nothing is taken away then but a repository that holds no work.
 */
import type { Clock } from '../../../lib/clock.ts'
import type { CloneCommand } from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'
import { hasBlockingPipe } from './blocking-pipe.ts'
import { isBranchName } from './branch-name.ts'
import { GitProblem } from './git-problem.ts'
import type { ProbeRepository } from './probe-repository.ts'
import {
  type CloneRecord,
  type FoundClone,
  findCloneRecord,
  markCloned,
  REMOTE,
  remoteUrl,
  writeCloneSettings,
} from './repository-settings.ts'
import { findSha, type Git, type GitOptions } from './run-git.ts'
import { LOST_AND_FOUND, listContents, SET_ASIDE_PATTERN, setAside } from './set-aside.ts'
import { findUnbornBranch } from './unborn-branch.ts'

const FETCH_TIMEOUT_MS = 60 * 60_000
const CHECKOUT_TIMEOUT_MS = 15 * 60_000
const LOOK_TIMEOUT_MS = 10_000

export interface CloneResult {
  /** Null on a branch that has no commit yet. */
  head: string | null
  branch: string
  existing: boolean
  /** Folders in the workspace with what was there before this clone. */
  setAside?: string[]
}

export interface CloneContext {
  git: Git
  workspace: Workspace
  clock: Clock
  probe: ProbeRepository
  signal?: AbortSignal | undefined
  onOutput: (chunk: string) => void
}

export async function cloneRepository(context: CloneContext, command: CloneCommand): Promise<CloneResult> {
  assertNames(command)
  const found = await lookAround(context, command)
  if (found.kind === 'clone') {
    if (found.record.repository.toLowerCase() === command.repository.toLowerCase()) return found.result
    throw new GitProblem(
      'state_conflict',
      `The workspace holds a clone of ${found.record.repository}; ${command.repository} was asked for.`,
    )
  }
  if (found.kind === 'foreign' && !command.setAside) {
    throw new GitProblem(
      'state_conflict',
      `The workspace is not empty and holds no clone of Berth's that git can go on from: ${found.names.slice(0, 5).join(', ')}. Move it away, or delete the agent's volumes.`,
    )
  }
  // All that can be refused is, before anything in the workspace is touched.
  await context.probe(command.repository, context.signal)
  const start = await chooseStart(context, command)
  if (found.kind === 'foreign') await setAside(context, found.setAside)
  if (found.kind === 'remains') await emptyWorkspace(context)
  await initialise(context, command)
  await fetchBranches(context, command, start)
  await checkOut(context, command, start)
  await markCloned(context.git)
  const head = await describeHead(context)
  if (head === null) throw new GitProblem('state_conflict', 'The HEAD of the workspace names no commit.')
  const before = (await listContents(context.workspace)).setAside
  return { ...head, existing: false, ...(before.length > 0 && { setAside: before }) }
}

type Surroundings =
  | { kind: 'empty' }
  | { kind: 'remains' }
  | { kind: 'clone'; record: CloneRecord; result: CloneResult }
  | { kind: 'foreign'; names: string[]; setAside: string[] }

async function lookAround(context: CloneContext, command: CloneCommand): Promise<Surroundings> {
  const contents = await listContents(context.workspace)
  const { names } = contents
  if (names.length === 0) return { kind: 'empty' }
  if (!names.includes('.git')) return { kind: 'foreign', ...contents }
  const found = await findClone(context)
  if (found === null) return { kind: 'foreign', ...contents }
  const { record, result } = found
  if (record?.complete) return result === null ? { kind: 'foreign', ...contents } : { kind: 'clone', record, result }
  // Where an agent has worked, its settings tell nothing of who left the files. A repository alone, without a commit at HEAD or a
  // branch, is what an attempt leaves that was cut off in its fetch: no work is in that.
  if (command.setAside) {
    const isRemains = record && result === null && names.length === 1 && !(await hasBranch(context))
    return isRemains ? { kind: 'remains' } : { kind: 'foreign', ...contents }
  }
  // `git init` and nothing more: cut off before the first setting was written.
  if (record || names.length === 1) return { kind: 'remains' }
  return { kind: 'foreign', ...contents }
}

/** Null where git does not come back from the repository. */
async function findClone(
  context: CloneContext,
): Promise<{ record: FoundClone | null; result: CloneResult | null } | null> {
  const options = { timeoutMs: LOOK_TIMEOUT_MS, signal: context.signal }
  try {
    const record = await findCloneRecord(context.git, options)
    return { record, result: record === null ? null : await describeHead(context, options) }
  } catch (error) {
    if (error instanceof GitProblem && error.timedOut && (await hasBlockingPipe(context))) return null
    throw error
  }
}

/** True also where git cannot tell. */
async function hasBranch({ git }: CloneContext): Promise<boolean> {
  const refs = await git.try(['for-each-ref', '--count=1', '--format=%(refname)', 'refs/heads', 'refs/stash'])
  return refs.exitCode !== 0 || refs.output.trim() !== ''
}

async function emptyWorkspace({ workspace, signal }: CloneContext): Promise<void> {
  const result = await workspace.run(
    {
      command: {
        argv: [
          ...['find', '.', '-mindepth', '1', '-maxdepth', '1'],
          ...['!', '-name', LOST_AND_FOUND, '!', '-name', SET_ASIDE_PATTERN],
          ...['-exec', 'rm', '-rf', '--', '{}', '+'],
        ],
      },
      timeoutMs: 5 * 60_000,
      maxOutputChars: 4_000,
    },
    signal === undefined ? {} : { signal },
  )
  if (result.exitCode !== 0) {
    throw new GitProblem('upstream_failed', `What an interrupted clone left could not be removed: ${result.output}`)
  }
}

async function initialise({ git, workspace }: CloneContext, command: CloneCommand): Promise<void> {
  await git.run(['init', '--quiet', '--template=', `--initial-branch=${command.sourceBranch}`, '.'])
  await workspace.writeFile('.git/info/exclude', Buffer.from(`/${SET_ASIDE_PATTERN}\n`))
  await writeCloneSettings(workspace, command)
}

/** The branch on the remote that the work begins at. Throws GitProblem when one is missing that has to be there. */
async function chooseStart({ git, signal }: CloneContext, command: CloneCommand): Promise<string> {
  const { repository, sourceBranch, targetBranch } = command
  // By its address: what is in the workspace may be no repository, or one that git cannot read.
  const env = { GIT_DIR: '/dev/null' }
  const listing = await git.run(['ls-remote', '--heads', remoteUrl(repository)], { signal, env })
  const heads = new Set([...listing.matchAll(/^[0-9a-f]{40,64}\trefs\/heads\/(.+)$/gm)].map((match) => match[1]))
  if (heads.size === 0) {
    throw new GitProblem(
      'empty_repository',
      `${repository} has no branches yet. Push a first commit to it, then start again.`,
    )
  }
  if (!heads.has(sourceBranch)) throw branchNotFound(command, sourceBranch)
  if (!command.adoptTargetBranch) return sourceBranch
  if (heads.has(targetBranch)) return targetBranch
  if (command.targetMayBeGone) return sourceBranch
  throw branchNotFound(command, targetBranch)
}

/** Fetches the source branch, and the one to begin at, with all their history and the tags on it. */
async function fetchBranches(context: CloneContext, { sourceBranch }: CloneCommand, start: string): Promise<void> {
  const { git, signal, onOutput } = context
  const refspecs = [...new Set([sourceBranch, start])].map(
    (branch) => `+refs/heads/${branch}:refs/remotes/${REMOTE}/${branch}`,
  )
  await git.run(['fetch', '--progress', '--no-recurse-submodules', REMOTE, ...refspecs], {
    signal,
    onOutput,
    timeoutMs: FETCH_TIMEOUT_MS,
  })
  await git.run(['symbolic-ref', `refs/remotes/${REMOTE}/HEAD`, `refs/remotes/${REMOTE}/${sourceBranch}`])
}

function branchNotFound(command: CloneCommand, branch: string): GitProblem {
  return new GitProblem('branch_not_found', `${command.repository} has no branch ${branch}.`)
}

async function checkOut(
  { git, signal, onOutput }: CloneContext,
  { targetBranch }: CloneCommand,
  start: string,
): Promise<void> {
  const track = start === targetBranch ? '--track' : '--no-track'
  await git.run(['checkout', '--progress', track, '-B', targetBranch, `refs/remotes/${REMOTE}/${start}`, '--'], {
    signal,
    onOutput,
    timeoutMs: CHECKOUT_TIMEOUT_MS,
  })
}

/** Null where the repository is broken. */
async function describeHead(
  context: CloneContext,
  options: Pick<GitOptions, 'signal' | 'timeoutMs'> = {},
): Promise<CloneResult | null> {
  const { git } = context
  const unborn = await findUnbornBranch(context, options)
  if (unborn !== null) return { head: null, branch: unborn, existing: true }
  const named = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], options)
  const head = named.exitCode === 0 ? findSha(named.output) : null
  if (head === null) return null
  const branch = await git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'], options)
  return { head, branch: branch.exitCode === 0 ? branch.output.trim() : 'HEAD', existing: true }
}

function assertNames(command: CloneCommand): void {
  if (!/^[\w.-]+\/[\w.-]+$/.test(command.repository) || command.repository.includes('..')) {
    throw new GitProblem(
      'repository_not_found',
      `"${command.repository}" is not a repository's name: owner/repository.`,
    )
  }
  for (const branch of [command.sourceBranch, command.targetBranch]) {
    if (!isBranchName(branch)) throw new GitProblem('branch_not_found', `"${branch}" is not a branch's name.`)
  }
}
