/**
 * Whether what a run is about to go on from is what Berth last recorded: the clone in the volume, and the branch on the remote.
 * Owns: the comparison and its words. What follows is a person's choice.
 */
import type { WorkspaceState } from '../../../container/contract/bridge.ts'
import { type Agent, type Divergence, type DivergenceKind, divergenceChoices } from '../../domain/agent.ts'
import type { WorkerParts } from '../context.ts'
import type { SandboxConnection } from './connection.ts'

/**
 * Null when nothing differs, or nothing was recorded: before its first run an agent has left nothing anywhere. A remote that does
 * not answer is no difference.
 */
export async function findDivergence(input: {
  parts: Pick<WorkerParts, 'forge' | 'logger'>
  agent: Agent
  connection: SandboxConnection
  signal: AbortSignal
}): Promise<Divergence | null> {
  const { agent, connection, signal } = input
  if (agent.workspace === null) return null
  const [found, tip] = await Promise.all([connection.client.workspaceState(signal), readRemoteTip(input)])
  const workspace = compareWorkspace(agent, found)
  const branch = compareTip(agent, tip)
  // A fresh clone begins from the branch as it is.
  if (workspace === null || branch === null || !found.cloned) return workspace ?? branch
  const workspaceChange = workspace.message
  return { ...branch, message: `${branch.message} ${workspaceChange}`, workspaceChange }
}

function compareWorkspace({ workspace: recorded }: Agent, found: WorkspaceState): Divergence | null {
  if (recorded === null || !recorded.cloned) return null
  if (!found.cloned && found.empty === false) {
    return describe('workspace_broken', {
      message:
        'The files of the agent are in its workspace, but no clone that git can go on from: the repository was removed, replaced or damaged.',
      recorded: recorded.head,
      found: null,
    })
  }
  if (!found.cloned) {
    return describe('workspace_lost', {
      message:
        'The workspace is empty although the agent had worked in it: its volume was lost or emptied from outside.',
      recorded: recorded.head,
      found: null,
    })
  }
  const what = findDifference(recorded, found)
  if (what === null) return null
  return describe('workspace_changed', {
    message: `The workspace is not as the last run left it: ${what}.`,
    recorded: recorded.head,
    found: found.head,
  })
}

/** Whether a whole clone is as the log has it. */
export function isAsRecorded(recorded: WorkspaceState, found: WorkspaceState): boolean {
  return recorded.cloned && found.cloned && findDifference(recorded, found) === null
}

/** What was not recorded, or is not known now, is no difference. */
function findDifference(recorded: WorkspaceState, found: WorkspaceState): string | null {
  // A branch without a commit is on record with its name.
  const knowsHead = recorded.head !== null || recorded.branch !== null
  if (knowsHead && found.head !== recorded.head) {
    return `HEAD is ${describeHead(found)}, it was ${describeHead(recorded)}`
  }
  if (recorded.branch !== null && found.branch !== recorded.branch) {
    return `HEAD is ${found.branch === null ? 'detached' : `on ${found.branch}`}, it was on ${recorded.branch}`
  }
  const filesChanged = recorded.digest !== null && found.digest !== null && found.digest !== recorded.digest
  return filesChanged ? 'files were changed' : null
}

function describeHead({ head, branch }: WorkspaceState): string {
  return head === null ? `on ${branch}, which has no commit` : short(head)
}

function compareTip(agent: Agent, tip: string | null): Divergence | null {
  // A branch that is gone was merged and deleted, as a rule: the next push makes it again.
  if (agent.targetTip === null || tip === null || tip === agent.targetTip) return null
  // Its own push, of which the record was lost with a control plane, or what it has merged already.
  if (tip === agent.workspace?.head) return null
  return describe('branch_moved', {
    message: `${agent.targetBranch} has commits on the remote that are not from this agent: it is at ${short(tip)}, the agent left it at ${short(agent.targetTip)}.`,
    recorded: agent.targetTip,
    found: tip,
  })
}

async function readRemoteTip({
  parts,
  agent,
}: Pick<Parameters<typeof findDivergence>[0], 'parts' | 'agent'>): Promise<string | null> {
  if (agent.targetTip === null) return null
  try {
    return (await parts.forge.findBranch(agent.githubRepo, agent.targetBranch))?.sha ?? null
  } catch (error) {
    parts.logger.warn('the target branch could not be looked at', { agentId: agent.id, error })
    return null
  }
}

function describe(
  kind: DivergenceKind,
  { message, recorded, found }: Pick<Divergence, 'message' | 'recorded' | 'found'>,
): Divergence {
  return { kind, message, recorded, found, choices: divergenceChoices[kind], choice: null }
}

function short(sha: string | null): string {
  return sha === null ? 'no commit' : sha.slice(0, 12)
}

/** What the model is told of a person's decision; null where it needs not know. */
export function describeChoice(agent: Pick<Agent, 'divergence' | 'targetBranch'>): string | null {
  const { divergence } = agent
  if (divergence === null || divergence.choice === null) return null
  const ofDivergence = describeOne({ ...agent, divergence })
  return divergence.workspaceChange === undefined ? ofDivergence : `${CHANGED} ${ofDivergence}`
}

const CHANGED =
  'Files in the workspace were changed by somebody else since your last step. Look at `git status` and `git log` before you go on, and keep those changes.'

function describeOne({ divergence, targetBranch }: { divergence: Divergence; targetBranch: string }): string {
  if (divergence.choice === 'merge') {
    return `The branch ${targetBranch} has commits on the remote that are not yours (${short(divergence.found)}). Before anything else run \`git fetch origin ${targetBranch}\` and merge it into your work; do not rewrite or drop those commits.`
  }
  if (divergence.kind === 'workspace_lost') {
    return 'The workspace was lost and the repository was cloned anew: what was not pushed before is gone. Look at what is there before you go on.'
  }
  if (divergence.kind === 'workspace_broken') {
    return 'The git repository in the workspace was removed, replaced or damaged, so the workspace was cloned anew. Nothing was deleted: all that was there before, its `.git` included, was moved to `.berth-before-<time>/files` in the workspace, which git ignores. What was not pushed is only there: look at it, and bring over what you need, before you go on. Do not clean it away (`git clean -ffdx`, `rm`): there is no other copy.'
  }
  if (divergence.kind === 'workspace_changed') return CHANGED
  return `The branch ${targetBranch} has commits on the remote that are not yours; the person chose to leave them. Pushing is refused until they are merged.`
}
