/** The agent and its runs as the product speaks of them. Plain data; rules stand in the files beside this one. */
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
  status: AgentStatus
  statusDetail: StatusDetail | null
  needs: 'approval' | 'input' | 'divergence' | null
  /** The wish, written before acting; null when it is to live on. */
  desired: 'stopped' | 'purged' | null
  /** Sequence number of the last stored event. */
  lastSeq: number
  /** The container that is, or was last, this agent's; null before the first start and after stop. */
  incarnation: string | null
  /** Tip of the target branch as Berth last recorded it. */
  targetTip: string | null
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
