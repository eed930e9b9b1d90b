/**
 * What the services ask of the database, as plain types: rows come and go as domain types, and no caller sees Prisma.
 * Only files of this folder know the tables.
 */
import type { ControlEventData, ControlEventType, DoneReason, JournalEvent } from '../../container/contract/events.ts'
import type { Agent, AgentStatus, Limits, QueuedMessage, Run, StoredEvent } from '../domain/agent.ts'
import type { JournalPosition } from '../domain/journal-acceptance.ts'
import type { Spending } from '../domain/model-budget.ts'

export interface User {
  id: string
  email: string
  name: string
  role: 'owner' | 'member'
  passwordHash: string | null
  createdAt: Date
}

export interface ApiToken {
  id: string
  userId: string
  name: string
  createdAt: Date
  lastUsedAt: Date | null
}

export interface InstallationStore {
  /** The row of this installation, made with `newId` when there is none. */
  ensure(newId: string): Promise<{ id: string; driver: string | null }>
  /** Keeps the driver of the first start; answers with the one that is kept. */
  chooseDriver(driver: string): Promise<string>
  /** Keeps what is not kept yet; answers with what is kept. */
  keepIdentity(identity: InstallationIdentity): Promise<InstallationIdentity>
  /** From now on it is this one. */
  replace(installation: InstallationIdentity & { id: string }): Promise<void>
  /** What two servers, and two databases of one, have otherwise; a replica that took its server's place has not. */
  readServer(): Promise<{ server: string; database: string }>
}

/** What a copy of an installation has otherwise (lib/composition/identity.ts). */
export interface InstallationIdentity {
  place: string
  keyCheck: string
}

export interface UserStore {
  create(user: { id: string; email: string; name: string; role: 'owner' | 'member' }): Promise<User>
  findById(id: string): Promise<User | null>
  findByEmail(email: string): Promise<User | null>
  findOwner(): Promise<User | null>
  setCredentials(id: string, credentials: { email: string; name: string; passwordHash: string }): Promise<User>
  createLink(link: { id: string; hash: string; userId: string; expiresAt: Date }): Promise<void>
  /** The link's user, when it is unused and not expired. */
  findLink(hash: string, now: Date): Promise<{ id: string; user: User } | null>
  /** True for the one caller that used it. All other links of the user are used up with it. */
  claimLink(link: { id: string; userId: string; now: Date }): Promise<boolean>
  createToken(token: { id: string; userId: string; name: string; hash: string }): Promise<ApiToken>
  /** The token's user; notes the use (at most once a minute). */
  findByTokenHash(hash: string, now: Date): Promise<User | null>
}

export interface AgentFilter {
  /** Null: every user's (reconciler). */
  ownerId: string | null
  status?: AgentStatus
  q?: string
  limit: number
  cursor?: { updatedAt: Date; id: string }
}

export type NewAgent = Omit<
  Agent,
  | 'lastSeq'
  | 'incarnation'
  | 'pullRequest'
  | 'additions'
  | 'deletions'
  | 'costUsd'
  | 'createdAt'
  | 'updatedAt'
  | 'needs'
  | 'desired'
  | 'deliveryAskedAt'
  | 'statusDetail'
  | 'divergence'
  | 'workspace'
  | 'undeliveredRunId'
  | 'activeAt'
>

export interface AgentStore {
  /** Throws BerthError `branch_in_use` when another agent has the same repository and target branch. */
  create(agent: NewAgent): Promise<Agent>
  find(id: string): Promise<Agent | null>
  list(filter: AgentFilter): Promise<Agent[]>
  /** Those of the ids that there are, in no order. */
  listNamed(ids: string[]): Promise<Agent[]>
  /** Of all there are. */
  listIds(): Promise<string[]>
  /** Agents that the reconciler has to look at: anything but at rest, or with a wish or an open run. */
  listUnsettled(): Promise<Agent[]>
  /** Those of them whose lease nobody holds now. */
  listUnheld(): Promise<Agent[]>
  /** Agents that wait (READY) and were last active at that time or before. */
  listIdleSince(time: Date): Promise<Agent[]>
  findByBranch(githubRepo: string, targetBranch: string): Promise<Agent | null>
  /** How far which journal of the agent's bridge is stored. */
  journalPosition(id: string): Promise<JournalPosition>
  /** Removes the agent, its runs and its log. */
  remove(id: string): Promise<void>
}

export interface RunStore {
  find(id: string): Promise<Run | null>
  findOpen(agentId: string): Promise<Run | null>
  findLatest(agentId: string): Promise<Run | null>
  /** The latest run of each agent. */
  findLatestOf(agentIds: string[]): Promise<Map<string, Run>>
  /** Newest first. */
  list(input: { agentId: string; limit: number; before?: Date }): Promise<Run[]>
}

/** Words that wait for a run; changed in a LogTransaction only. */
export interface QueueStore {
  /** In the order of taking. */
  list(agentId: string): Promise<QueuedMessage[]>
  /** Position of the last one that waits; 0 when none does. */
  lastPosition(agentId: string): Promise<number>
  /** How many wait for each agent; those without any are left out. */
  countOf(agentIds: string[]): Promise<Map<string, number>>
}

export interface EventStore {
  /** Events after `after`, oldest first: at most `limit`, fewer where they are large, none where there are none. */
  listAfter(input: { agentId: string; after: number; limit: number }): Promise<StoredEvent[]>
  /** A run's calls of a tool and their results, without what these put out; as many as of `listAfter`. */
  listToolAfter(input: {
    agentId: string
    runId: string
    tool: string
    after: number
    limit: number
  }): Promise<StoredEvent[]>
  /** Events before `before`, still oldest first; as many as of `listAfter`. */
  listBefore(input: { agentId: string; before: number; limit: number }): Promise<StoredEvent[]>
  /** What the data of all events of the types named comes to, as JSON. */
  sizeOfTypes(input: { agentId: string; types: string[] }): Promise<number>
  /** All events of the types named, oldest first; of those runs only, where some are named. */
  listOfTypes(input: { agentId: string; types: string[]; runIds?: string[] }): Promise<StoredEvent[]>
}

export type AgentPatch = Partial<
  Pick<
    Agent,
    | 'status'
    | 'statusDetail'
    | 'needs'
    | 'incarnation'
    | 'targetTip'
    | 'pullRequest'
    | 'additions'
    | 'deletions'
    | 'desired'
    | 'deliveryAskedAt'
    | 'divergence'
    | 'workspace'
    | 'undeliveredRunId'
    | 'activeAt'
    | 'name'
    | 'instructions'
    | 'model'
    | 'limits'
    | 'tools'
    | 'egress'
    | 'env'
    | 'autoPullRequest'
    | 'setupScript'
  >
>

export type RunPatch = Partial<
  Pick<
    Run,
    'status' | 'reason' | 'summary' | 'steps' | 'continuedCount' | 'cancelRequestedAt' | 'startedAt' | 'endedAt'
  >
>

/** One transaction under an agent's row lock. Everything that changes an agent or its log goes through one. */
export interface LogTransaction {
  /** As locked; `update` changes it here too. */
  readonly agent: Agent
  readonly journal: JournalPosition
  /** What the bridge has written into the log since the last run was asked for, this transaction included. */
  readonly journalBytes: number
  openRun(): Promise<Run | null>
  lastRun(): Promise<Run | null>
  findRun(id: string): Promise<Run | null>
  /** Whether the log has such an event of a run, what this transaction appended included. */
  hasEvent(runId: string, type: string): Promise<boolean>
  /** Whether the log tells of this commit, whichever run and side it is from. */
  hasCommit(sha: string): Promise<boolean>
  update(patch: AgentPatch): void
  createRun(run: Pick<Run, 'id' | 'task' | 'inputEventId'>): Promise<Run>
  updateRun(id: string, patch: RunPatch): Promise<void>
  /** Words that wait, in the order of taking. */
  queue(): Promise<QueuedMessage[]>
  enqueue(message: Pick<QueuedMessage, 'id' | 'from' | 'text' | 'mode'>): Promise<QueuedMessage>
  /** False when it does not wait any more. */
  rewordQueued(id: string, text: string): Promise<boolean>
  /** False when it did not wait any more. */
  dequeue(id: string): Promise<boolean>
  /** Takes the next seq. `id` where another refers to the event. */
  append<T extends ControlEventType>(
    type: T,
    data: ControlEventData<T>,
    options?: { runId?: string | null; id?: string },
  ): string
  /** Of the types that a sandbox may write too, what the control plane says itself. */
  appendOwn(type: 'error' | 'done' | 'commit', data: Record<string, unknown>, runId: string | null): void
  /** An accepted (or rejected) event of a bridge in its place; null only moves the position on. */
  appendJournal(
    journalId: string,
    n: number,
    event: { type: string; runId: string | null; at: string; data: Record<string, unknown> } | null,
  ): void
}

/** Who holds an agent's lease, and with which fencing number. */
export interface Holder {
  owner: string
  fence: number
}

export interface LogStore {
  /**
   * Runs `change` under the agent's row lock and commits what it appended and changed, or nothing when it throws.
   * Answers with its result and the events that were stored, in order. Throws `not_found` when the agent is gone, and
   * what `isLeaseLost` knows, with nothing stored, when `holder` is given and is not the lease's any more.
   */
  write<T>(
    agentId: string,
    change: (tx: LogTransaction) => Promise<T> | T,
    holder?: Holder,
  ): Promise<{ result: T; agent: Agent; stored: StoredEvent[] }>
  /**
   * Appends what follows the journal's event `after`, where nothing but its order has to be decided. Null, with nothing stored,
   * when the log does not stand there, has no room, or the holder is not the lease's any more: `write` tells which.
   */
  appendJournal(input: JournalAppend): Promise<Appended | null>
  /**
   * Settles a model call, charges its run and its agent, and appends its `usage`. Null, with nothing changed, when it was settled
   * before or its agent is gone.
   */
  settleModelCall(input: ModelCallSettlement): Promise<Appended | null>
}

/** Events that were stored without the agent being read, and where its log stands now. */
export interface Appended {
  ownerId: string
  lastSeq: number
  stored: StoredEvent[]
}

export interface JournalAppend {
  agentId: string
  journalId: string
  /** Number of the last stored event of that journal; the first of `events` is the next. */
  after: number
  events: { type: string; runId: string | null; at: string; data: Record<string, unknown> }[]
  /** Nothing is stored that would make the journal's part of the log of this run larger. */
  maxBytes: number
  /** The step that a run, if it is still open, has come to with them. */
  step: { runId: string; step: number } | null
  holder: Holder
}

export interface ModelCallSettlement {
  id: string
  agentId: string
  runId: string
  usage: ModelCallUsage
  event: ControlEventData<'usage'>
}

/** News of an agent for the other control planes on the database. */
export type Announcement =
  /** Its log has grown to `seq`. */
  | { kind: 'log'; agentId: string; ownerId: string; seq: number }
  /** Its row asks for something that only its holder may do. */
  | { kind: 'wake'; agentId: string }
  | { kind: 'removed'; agentId: string; ownerId: string }

export interface Announcements {
  announce(news: Announcement): Promise<void>
}

/** Leases begin and expire by the database's clock: the owners' own may differ. */
export interface LeaseStore {
  /**
   * The lease's fencing number, or null while another holds it. Every change of hands raises it, to the time in milliseconds or
   * more, and so does an owner that does not know its number any more (`held`: it was started again).
   */
  acquire(input: { agentId: string; owner: string; held?: number | null; leaseMs: number }): Promise<number | null>
  /** Extends every lease of the owner that it has not released. Answers with their agents. */
  renew(owner: string, leaseMs: number): Promise<string[]>
  release(agentId: string, owner: string): Promise<void>
}

/** What the limits of an agent with an open run are reckoned from, as it stands together at one moment. */
export interface BudgetState {
  /** Of this state: a call is opened on it or not at all. */
  version: number
  run: { id: string; cancelRequested: boolean }
  /** The run's. */
  model: string
  limits: Limits
  spending: Spending
}

/** A call that is not settled. */
export interface OpenModelCall {
  id: string
  agentId: string
  runId: string
  model: string
  reservedTokens: number
  reservedUsd: number | null
  generationId: string | null
  /** As estimated. */
  inputTokens: number
  /** As far as it was seen; null when nobody was left to see it. */
  outputTokens: number | null
  createdAt: Date
  cutAt: Date | null
}

export interface ModelCallStore {
  /** Null when the agent has no open run. */
  readBudget(input: { agentId: string; today: Date }): Promise<BudgetState | null>
  /**
   * Opens a call that was reckoned on `version` of the agent's budget. False when that has changed since, or the run is over.
   * It is settled by the log, with what it changes.
   */
  open(call: {
    id: string
    agentId: string
    runId: string
    model: string
    promptTokens: number
    reservedTokens: number
    reservedUsd: number | null
    version: number
  }): Promise<boolean>
  noteGeneration(id: string, generationId: string): Promise<void>
  /** Its answer broke off; the figures are what was seen of it. */
  noteCut(
    id: string,
    cut: { inputTokens: number; outputTokens: number; generationId: string | null; cutAt: Date },
  ): Promise<void>
  find(id: string): Promise<OpenModelCall | null>
  /** Open calls of agents that no other living control plane holds, oldest first. */
  listOpen(input: { instanceId: string; limit: number }): Promise<OpenModelCall[]>
}

/** What a model call used, as it is kept. */
export interface ModelCallUsage {
  inputTokens: number
  outputTokens: number
  cachedInputTokens: number
  reasoningTokens: number
  costUsd: number | null
  generationId: string | null
  complete: boolean
}

export interface IdempotencyStore {
  /** Reserves the key; or tells what it was used for before. */
  begin(input: {
    userId: string
    key: string
    requestHash: string
    now: Date
  }): Promise<
    { state: 'new' } | { state: 'pending' | 'done'; requestHash: string; status: number | null; body: unknown }
  >
  finish(input: { userId: string; key: string; status: number; body: unknown }): Promise<void>
  /** Forgets a request that failed, so that it can be tried again. */
  abandon(input: { userId: string; key: string }): Promise<void>
  removeOlderThan(before: Date): Promise<void>
}

export interface Stores {
  installation: InstallationStore
  users: UserStore
  agents: AgentStore
  runs: RunStore
  queue: QueueStore
  events: EventStore
  log: LogStore
  leases: LeaseStore
  modelCalls: ModelCallStore
  idempotency: IdempotencyStore
  /** Answers when the database does. */
  ping(): Promise<void>
}

export type { DoneReason, JournalEvent }
