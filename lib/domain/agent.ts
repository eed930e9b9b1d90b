/** The agent and its runs as the product speaks of them. Plain data; rules stand in the files beside this one. */
import type { WorkspaceState } from '../../container/contract/bridge.ts'
import type { DoneReason } from '../../container/contract/events.ts'
import type { EgressMode } from './egress-policy.ts'

export const agentStatuses = ['IDLE', 'STARTING', 'RUNNING', 'READY', 'SLEEPING', 'STOPPING', 'FAILED'] as const
export type AgentStatus = (typeof agentStatuses)[number]

export const startStages = ['image', 'container', 'bridge', 'clone', 'setup', 'model'] as const
export type StartStage = (typeof startStages)[number]

export interface Limits {
  /** Model calls a run. */
  maxSteps: number
  /** Input and output tokens a run; null: no limit. */
  maxTokens: number | null
  /** US dollars a run; null: no limit. */
  maxCostUsd: number | null
  maxCostUsdTotal: number | null
  maxCostUsdPerDay: number | null
  /** Wall time of a run. */
  maxDurationMs: number
  memoryBytes: number
  /** Billionths of a CPU. */
  nanoCpus: number
  pids: number
  diskBytes: number | null
}

export interface ToolPolicy {
  /** Names of the tools offered; null: all. */
  allow: string[] | null
  commandPolicy: 'open'
  commands: string[]
}

export interface AgentEgress {
  mode: EgressMode
  allow: string[]
}

/** Why an agent is FAILED, or the stage it is in while STARTING. */
export interface StatusDetail {
  stage?: StartStage
  percent?: number | null
  code?: string
  message?: string
  hint?: string
  logTail?: string[]
}

export interface AgentPullRequest {
  number: number
  url: string
  title: string
}

/** What was found otherwise than Berth last recorded it, and what can be done about it. */
export const divergenceChoices = {
  /** The workspace is empty although there was a clone in it. */
  workspace_lost: ['clone_again'],
  /** Files are there, and no clone that git can go on from: its repository was removed, replaced or damaged. */
  workspace_broken: ['clone_again'],
  /** HEAD or uncommitted files are not as the last run left them. */
  workspace_changed: ['keep'],
  /** The target branch on the remote is not where this agent left it. */
  branch_moved: ['merge', 'keep'],
} as const

export type DivergenceKind = keyof typeof divergenceChoices
/**
 * `clone_again`: begin with a fresh clone of the target branch; files that are there are moved aside, never deleted. `keep`: go on with what is there. `merge`: the agent is told to
 * fetch and merge first; the git broker takes its push once it builds on the branch's new tip.
 */
export type DivergenceChoice = (typeof divergenceChoices)[DivergenceKind][number]

export interface Divergence {
  kind: DivergenceKind
  /** For a person. */
  message: string
  /** Commits as recorded and as found; null where there is none. */
  recorded: string | null
  found: string | null
  /** Of a branch that moved: how the workspace differs as well, which is kept whatever is chosen. */
  workspaceChange?: string
  choices: readonly DivergenceChoice[]
  /** Null until a person chose. */
  choice: DivergenceChoice | null
}

/** A person's words during a run, until the run takes them. */
export interface QueuedMessage {
  /** Becomes the id of its `message` event. */
  id: string
  agentId: string
  /** Order of taking; grows over all agents. */
  position: number
  from: { userId: string; name: string }
  text: string
  mode: 'queue' | 'interrupt'
  createdAt: Date
}

export interface Agent {
  id: string
  ownerId: string
  name: string
  task: string
  instructions: string | null
  githubRepo: string
  sourceBranch: string
  targetBranch: string
  adoptTargetBranch: boolean
  autoPullRequest: boolean
  readRepos: string[]
  model: string
  limits: Limits
  tools: ToolPolicy
  egress: AgentEgress
  env: Record<string, string>
  /** Runs once, as the agent's user, before the first step. */
  setupScript: string | null
  status: AgentStatus
  statusDetail: StatusDetail | null
  needs: 'approval' | 'input' | 'divergence' | null
  /** Set while `needs` is `divergence`, and until the choice is carried out. */
  divergence: Divergence | null
  /** The wish, written before acting; null when it is to live on. */
  desired: 'asleep' | 'stopped' | 'purged' | null
  /** When a person asked for the pull request that is still to be made; null when nobody waits for one. */
  deliveryAskedAt: Date | null
  /** Sequence number of the last stored event. */
  lastSeq: number
  /** The container that is, or was last, this agent's; null before the first start and after stop. */
  incarnation: string | null
  /** Tip of the target branch as Berth last recorded it. */
  targetTip: string | null
  /** The clone as the last run left it. */
  workspace: WorkspaceState | null
  /** The run that has ended and whose work is still to leave. */
  undeliveredRunId: string | null
  /** When it last had a run or was woken. */
  activeAt: Date
  pullRequest: AgentPullRequest | null
  /** Lines changed against the source branch, as last reported. */
  additions: number
  deletions: number
  costUsd: number
  createdAt: Date
  updatedAt: Date
}

export interface Run {
  id: string
  agentId: string
  /** The person's words that began it, and the id of their `message` event. */
  task: string
  inputEventId: string
  /** The agent's when it was asked for: a change of the agent's holds from the next run on. Null: of an earlier version. */
  model: string | null
  status: 'PENDING' | 'RUNNING' | 'ENDED'
  reason: DoneReason | null
  summary: string | null
  steps: number
  inputTokens: number
  outputTokens: number
  costUsd: number
  /** How often it was continued after an interruption. */
  continuedCount: number
  cancelRequestedAt: Date | null
  createdAt: Date
  startedAt: Date | null
  endedAt: Date | null
}

/** An event as it stands in the log. */
export interface StoredEvent {
  id: string
  seq: number
  type: string
  runId: string | null
  createdAt: Date
  data: Record<string, unknown>
}
