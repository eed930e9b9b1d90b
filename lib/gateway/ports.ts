/**
 * What the gateways ask of the rest of the product; lib/composition wires it to services and stores. A gateway knows the
 * wire on both its sides and nothing of the database. Every refusal is thrown as a BerthError and reaches the sandbox as
 * its code and words.
 */
import type { PullRequestAnswer, PullRequestRequest, TakenMessages } from '../../container/contract/tunnel.ts'
import type { EgressPolicy } from '../domain/egress-policy.ts'

/** Which sandbox a tunnel belongs to: the connection is its identity, nothing it says is. */
export interface TunnelOwner {
  agentId: string
  incarnation: string
}

/** What a provider reported, or what was seen where it did not. */
export interface ModelUsage {
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  /** US dollars; null where the provider gives no figure. */
  costUsd: number | null
  /** The provider's id of this generation, when it gave one. */
  generationId: string | null
  /** These are the provider's figures. */
  complete: boolean
}

export interface ModelGrant {
  modelCallId: string
  /** e.g. "https://openrouter.ai/api/v1" */
  baseUrl: string
  apiKey: string
  /** Upper bound for this call's `max_tokens`; null where nothing bounds it. */
  maxTokens: number | null
}

export interface ModelAccess {
  /**
   * Asked before a call is forwarded; holds what it may cost at most. Throws `state_conflict` when `runId` is not this agent's
   * run in progress, `model_forbidden` when it may not use `modelId`, `budget_exhausted`, `rate_limited` while other calls hold
   * what this one needs, `model_key_missing`.
   */
  begin(input: {
    agentId: string
    runId: string
    modelId: string
    /** An estimate. */
    promptTokens: number
    /** What the sandbox asked for as the answer's upper bound; null when it left that open. */
    maxTokens: number | null
  }): Promise<ModelGrant>
  /** The provider has named the generation: its record can be asked for even if nobody hears the end. */
  noteGeneration(input: { modelCallId: string; generationId: string }): Promise<void>
  /** Once for each grant, however the call ended. The `usage` event is stored now, or when a call that was cut is known. */
  settle(input: {
    agentId: string
    runId: string
    modelId: string
    modelCallId: string
    usage: ModelUsage
    /** The answer broke off, or was left by the sandbox: what it cost is for the provider to say. */
    cut: boolean
  }): Promise<void>
}

export interface GitGrant {
  /** "owner/repo": fetch, and push to `targetBranch`. */
  repository: string
  targetBranch: string
  /** More repositories that may be fetched, never pushed. */
  readRepos: string[]
  /** Tip of the target branch as Berth last recorded it; null when it never saw it. */
  targetTip: string | null
  /** e.g. "https://github.com" */
  baseUrl: string
  /** Null: anonymous. */
  token: string | null
}

export interface RecordedPush {
  /** Empty, as the ids, when it was refused before it named one. */
  ref: string
  oldSha: string
  newSha: string
  /** `unknown`: it was forwarded, and nobody said what came of it. */
  outcome: 'ok' | 'refused' | 'unknown'
  reason?: string
  /** "owner/repo", when it was for another than the agent's own. */
  repository?: string
  /** What the log says of refusals that are not in it. */
  note?: string
}

export interface GitAccess {
  grant(agentId: string): Promise<GitGrant>
  /** Stores the `push` event, and the new tip when it went through. */
  recordPush(agentId: string, push: RecordedPush): Promise<void>
}

export interface EgressAccess {
  policy(agentId: string): Promise<EgressPolicy>
  /** Stores the `egress_denied` event. */
  recordDenied(
    agentId: string,
    denial: { host: string; port: number; rule: string; reason: string; cure: string; note?: string },
  ): Promise<void>
}

export interface ForgeAccess {
  openPullRequest(input: { agentId: string; runId: string; request: PullRequestRequest }): Promise<PullRequestAnswer>
}

export interface PeopleAccess {
  /** Gives the run what waits for it, once. Throws `state_conflict` when `runId` is not this agent's run in progress. */
  take(input: { agentId: string; runId: string }): Promise<TakenMessages>
}

export interface GatewayAccess {
  model: ModelAccess
  git: GitAccess
  egress: EgressAccess
  forge: ForgeAccess
  people: PeopleAccess
}

/** An attached tunnel connection. */
export interface Tunnel {
  /** Settles when the connection is gone, for whatever reason. Never rejects. */
  closed: Promise<void>
  close(): void
}
