/**
 * Puts the repository into the workspace, which may be a mount and so is never replaced itself: init, fetch, checkout. What an
 * interrupted attempt left is taken away and done again; what someone else put there is never touched.
 */
import type { CloneCommand } from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'
import { isBranchName } from './branch-name.ts'
import { GitProblem } from './git-problem.ts'
import type { ProbeRepository } from './probe-repository.ts'
import { type CloneRecord, findCloneRecord, markCloned, REMOTE, writeCloneSettings } from './repository-settings.ts'
import { findSha, type Git } from './run-git.ts'
import { findUnbornBranch } from './unborn-branch.ts'

const FETCH_TIMEOUT_MS = 60 * 60_000
const CHECKOUT_TIMEOUT_MS = 15 * 60_000
/** Lies at the root of a fresh ext4 volume. */
const LOST_AND_FOUND = 'lost+found'

export interface CloneResult {
  /** Null on a branch that has no commit yet. */
  head: string | null
  branch: string
  existing: boolean
}

export interface CloneContext {
  git: Git
  workspace: Workspace
  probe: ProbeRepository
  signal?: AbortSignal | undefined
  onOutput: (chunk: string) => void
}

export async function cloneRepository(context: CloneContext, command: CloneCommand): Promise<CloneResult> {
  assertNames(command)
  const found = await lookAround(context)
  if (found.kind === 'clone') {
    if (found.record.repository.toLowerCase() === command.repository.toLowerCase()) return describeHead(context)
    throw new GitProblem(
      'state_conflict',
      `The workspace holds a clone of ${found.record.repository}; ${command.repository} was asked for.`,
    )
  }
  if (found.kind === 'foreign') {
    throw new GitProblem(
      'state_conflict',
      `The workspace is not empty and holds no clone of Berth's: ${found.names.slice(0, 5).join(', ')}. Move it away, or delete the agent's volumes.`,
    )
  }
  await context.probe(command.repository, context.signal)
  if (found.kind === 'remains') await emptyWorkspace(context)
  await initialise(context, command)
  const branches = await fetchBranches(context, command)
  await checkOut(context, command, branches)
  await markCloned(context.git)
  return { ...(await describeHead(context)), existing: false }
}

type Surroundings =
  | { kind: 'empty' }
  | { kind: 'remains' }
  | { kind: 'clone'; record: CloneRecord }
  | { kind: 'foreign'; names: string[] }

async function lookAround({ workspace, git }: CloneContext): Promise<Surroundings> {
  const entries = (await workspace.list('.')).map((entry) => entry.path.split('/').at(-1) ?? entry.path)
  const names = entries.filter((name) => name !== LOST_AND_FOUND)
  if (names.length === 0) return { kind: 'empty' }
  if (!names.includes('.git')) return { kind: 'foreign', names }
  const record = await findCloneRecord(git)
  if (record?.complete) return { kind: 'clone', record }
  // `git init` and nothing more: cut off before the first setting was written.
  if (record || names.length === 1) return { kind: 'remains' }
  return { kind: 'foreign', names }
}

async function emptyWorkspace({ workspace, signal }: CloneContext): Promise<void> {
  const result = await workspace.run(
    {
      command: {
        argv: ['find', '.', '-mindepth', '1', '-maxdepth', '1', '!', '-name', LOST_AND_FOUND].concat([
          '-exec',
          'rm',
          '-rf',
          '--',
          '{}',
          '+',
        ]),
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
  await writeCloneSettings(workspace, command)
}

/** Fetches the source branch and, when it is adopted, the target with all their history and the tags on it. */
async function fetchBranches(context: CloneContext, command: CloneCommand): Promise<{ hasTarget: boolean }> {
  const { git, signal, onOutput } = context
  const listing = await git.run(['ls-remote', '--heads', REMOTE], { signal })
  const heads = new Set([...listing.matchAll(/^[0-9a-f]{40,64}\trefs\/heads\/(.+)$/gm)].map((match) => match[1]))
  if (heads.size === 0) {
    throw new GitProblem(
      'empty_repository',
      `${command.repository} has no branches yet. Push a first commit to it, then start again.`,
    )
  }
  if (!heads.has(command.sourceBranch)) throw branchNotFound(command, command.sourceBranch)
  const hasTarget = heads.has(command.targetBranch)
  if (command.adoptTargetBranch && !hasTarget) throw branchNotFound(command, command.targetBranch)
  const wanted = command.adoptTargetBranch ? [command.sourceBranch, command.targetBranch] : [command.sourceBranch]
  const refspecs = wanted.map((branch) => `+refs/heads/${branch}:refs/remotes/${REMOTE}/${branch}`)
  await git.run(['fetch', '--progress', '--no-recurse-submodules', REMOTE, ...refspecs], {
    signal,
    onOutput,
    timeoutMs: FETCH_TIMEOUT_MS,
  })
  await git.run(['symbolic-ref', `refs/remotes/${REMOTE}/HEAD`, `refs/remotes/${REMOTE}/${command.sourceBranch}`])
  return { hasTarget }
}

function branchNotFound(command: CloneCommand, branch: string): GitProblem {
  return new GitProblem('branch_not_found', `${command.repository} has no branch ${branch}.`)
}

async function checkOut(
  { git, signal, onOutput }: CloneContext,
  command: CloneCommand,
  { hasTarget }: { hasTarget: boolean },
): Promise<void> {
  const adopted = command.adoptTargetBranch && hasTarget
  const start = `refs/remotes/${REMOTE}/${adopted ? command.targetBranch : command.sourceBranch}`
  await git.run(
    ['checkout', '--progress', adopted ? '--track' : '--no-track', '-B', command.targetBranch, start, '--'],
    { signal, onOutput, timeoutMs: CHECKOUT_TIMEOUT_MS },
  )
}

async function describeHead(context: CloneContext): Promise<CloneResult> {
  const { git } = context
  const unborn = await findUnbornBranch(context)
  if (unborn !== null) return { head: null, branch: unborn, existing: true }
  const head = findSha(await git.run(['rev-parse', '--verify', 'HEAD']))
  if (head === null) throw new GitProblem('state_conflict', 'The HEAD of the workspace names no commit.')
  const branch = await git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'])
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
