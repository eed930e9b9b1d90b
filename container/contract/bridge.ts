/**
 * The bridge's routes: what the control plane sends, what the bridge answers. HTTP/1.1 on the bridge's socket, JSON, every
 * request with `Authorization: Bearer <token of this incarnation>`; the bridge knows only the token's SHA-256.
 *
 *   GET  /health                          BridgeHealth
 *   GET  /agent/status                    BridgeStatus
 *   GET  /agent/events?journalId=&after=  text/event-stream: `event: hello`, then `event: event` (a JournalEvent, `id:` = n) and
 *                                         `event: delta` (a DeltaEvent), live; ends when the journal is replaced
 *   POST /agent/execute                   ExecuteCommand -> 202 ExecuteAnswer | 409 BridgeProblem
 *   POST /agent/cancel                    CancelCommand -> 202 CancelAnswer
 *   POST /agent/attend                    AttendCommand -> 202 AttendAnswer
 *   GET  /workspace/state                 WorkspaceState
 *   POST /workspace/clone                 CloneCommand -> application/x-ndjson of CloneMessage, the last has `result` or `error`
 *   POST /workspace/setup                 SetupCommand -> application/x-ndjson of SetupMessage, the last has `result` or `error`
 *   POST /workspace/commit                CommitCommand -> 200 CommitAnswer
 *   POST /workspace/push                  PushCommand -> 200 PushAnswer
 *   GET  /tunnel?kind=&fence=             Upgrade: berth-tunnel (see tunnel.ts)
 */
import { z } from 'zod'
import { journalEvent } from './events.ts'

export const PROTOCOL_VERSION = 1

const text = z.string()
const count = z.number().int().nonnegative()
/** A file system takes no longer one. */
const MAX_BRANCH_CHARS = 4_096
const objectId = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/)

export const bridgeHealth = z.looseObject({
  protocol: z.number().int(),
  bridgeVersion: text,
  incarnation: text,
  journalId: text,
  /** Number of the last event in the journal; 0 when there is none. */
  lastN: count,
  runner: z.looseObject({ connected: z.boolean() }),
  tunnel: z.looseObject({ control: z.boolean(), egress: z.boolean() }),
  run: z.looseObject({ id: text, step: count }).nullable(),
  /** A clone that a run can go on from is in /workspace, as in WorkspaceState. */
  workspace: z.looseObject({ cloned: z.boolean() }),
})
export type BridgeHealth = z.infer<typeof bridgeHealth>

/** The same as a person may see it on the forwarded port, with whose bridge it is. */
export const bridgeStatus = bridgeHealth.extend({ agentId: text, startedAt: z.iso.datetime() })
export type BridgeStatus = z.infer<typeof bridgeStatus>

export const bridgeProblem = z.looseObject({ code: text, message: text })
export type BridgeProblem = z.infer<typeof bridgeProblem>

/** First message of every event stream: which journal this is. The events after `after` follow, then live ones. */
export const eventsHello = z.looseObject({ journalId: text.max(200), lastN: count })
export type EventsHello = z.infer<typeof eventsHello>

/** A stored event as the conversation needs it: sent when the bridge's own journal cannot give it (lost volume, torn file). */
export const historyEvent = z.looseObject({
  id: text,
  type: text,
  runId: text.nullable(),
  data: z.record(z.string(), z.unknown()),
})
export type HistoryEvent = z.infer<typeof historyEvent>

/** What was said by a person, as stored by the control plane under `eventId`. */
export const personMessage = z.looseObject({ eventId: text, text })
export type PersonMessage = z.infer<typeof personMessage>

export const runLimits = z.looseObject({
  maxSteps: z.number().int().positive(),
  maxTokens: z.number().int().positive().nullable(),
  maxCostUsd: z.number().positive().nullable(),
  maxDurationMs: z.number().int().positive(),
  /** What /workspace and /home/agent may hold together, in bytes. */
  maxDiskBytes: z.number().int().positive().nullable().optional(),
})
export type RunLimits = z.infer<typeof runLimits>

/** Of the body of `execute`, with which a history comes. */
export const MAX_EXECUTE_BYTES = 64 * 1024 * 1024

export const executeCommand = z.looseObject({
  runId: text,
  /** True when the control plane knows that this run was begun before and was interrupted. */
  continued: z.boolean(),
  /** Words of runs that ended before they began, oldest first: they come before `input` where they are not known yet. */
  earlier: z.array(personMessage).optional(),
  input: personMessage,
  agent: z.looseObject({
    name: text,
    repository: text,
    sourceBranch: text,
    targetBranch: text,
    instructions: text.nullable(),
  }),
  model: z.looseObject({
    /** Model id as the provider knows it, e.g. `anthropic/claude-sonnet-4.6`. */
    id: text,
    contextTokens: count.nullable(),
    maxOutputTokens: count.nullable(),
  }),
  limits: runLimits,
  tools: z.looseObject({ allow: z.array(text).nullable(), commandTimeoutMs: count }),
  /**
   * How far the control plane has stored this journal. Where it names another journal, or more events than the bridge has,
   * and `history` is absent, the bridge answers 409 `history_needed`.
   */
  stored: z.looseObject({ journalId: text.nullable(), n: count }),
  history: z.array(historyEvent).optional(),
  /** What the model is told before the first step, beside the person's words: what a person decided about a divergence. */
  notice: text.optional(),
  /** Words that this run took before it was interrupted: what of them it never read, it reads at its next step. */
  said: z.array(personMessage).optional(),
  /** Words of people wait for this run: taken before the first step (see AttendCommand). */
  attend: z.boolean().optional(),
})
export type ExecuteCommand = z.infer<typeof executeCommand>

/** `joined`: this run was already in progress (or has ended in this journal) and was not started a second time. */
export const executeAnswer = z.looseObject({ runId: text, joined: z.boolean() })
export type ExecuteAnswer = z.infer<typeof executeAnswer>

export const cancelCommand = z.looseObject({ runId: text })
/** `ended` is false when there was no such run in progress. Answered after the run's `done` is in the journal. */
export const cancelAnswer = z.looseObject({ ended: z.boolean() })

/**
 * People's words wait for the run. It takes them (people.berth, see tunnel.ts) before its next model call, and before it ends
 * as `completed`; with `interrupt` the step in progress is ended first, its open calls as `interrupted`. Can be said again.
 */
export const attendCommand = z.looseObject({ runId: text, interrupt: z.boolean() })
export type AttendCommand = z.infer<typeof attendCommand>
/** `attending` is false when there is no such run in progress. */
export const attendAnswer = z.looseObject({ attending: z.boolean() })

/**
 * The clone as it is now. `cloned`: a run can go on from it. `empty`, said where it cannot: nothing at all is there. `head` is null
 * on a branch that has no commit yet, `branch` where HEAD is detached. `digest` covers everything that is not committed (SHA-256,
 * hex); null without a clone, and where it took too long.
 */
export const workspaceState = z.object({
  cloned: z.boolean(),
  empty: z.boolean().optional(),
  head: objectId.nullable(),
  branch: text.max(MAX_BRANCH_CHARS).nullable(),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
})
export type WorkspaceState = z.infer<typeof workspaceState>

/** Runs as the agent's user in /workspace, once for each clone and script: `ran` is false when it did before. */
export const setupCommand = z.looseObject({ script: text, timeoutMs: z.number().int().positive() })
export type SetupCommand = z.infer<typeof setupCommand>
export const setupMessage = z.union([
  z.object({ output: text }),
  z.object({ result: z.object({ ran: z.boolean(), durationMs: z.number().nonnegative() }) }),
  /** `tail`: the last lines of its output. */
  z.object({ error: z.object({ code: text, message: text, tail: z.array(text) }) }),
])
export type SetupMessage = z.infer<typeof setupMessage>

export const cloneCommand = z.looseObject({
  /** "owner/repo" */
  repository: text,
  sourceBranch: text,
  targetBranch: text,
  /** The target branch exists on the remote and is to be continued. */
  adoptTargetBranch: z.boolean(),
  /** With `adoptTargetBranch`: where it is missing the work begins at the source branch; else that is refused. */
  targetMayBeGone: z.boolean().optional(),
  /** What is there and is no clone that works is moved into a folder of its own in the workspace; else it is refused. */
  setAside: z.boolean().optional(),
  user: z.looseObject({ name: text, email: text }),
})
export type CloneCommand = z.infer<typeof cloneCommand>

export const cloneMessage = z.union([
  z.object({ progress: z.object({ phase: text, percent: z.number().nullable(), line: text }) }),
  /**
   * `existing`: the workspace held a clone already; nothing was fetched. `head` is null on a branch that has no commit yet.
   * `setAside`: the folders in the workspace with what was there before.
   */
  z.object({
    result: z.object({
      head: text.nullable(),
      branch: text,
      existing: z.boolean(),
      setAside: z.array(text).optional(),
    }),
  }),
  z.object({ error: z.object({ code: text, message: text }) }),
])
export type CloneMessage = z.infer<typeof cloneMessage>

export const commitCommand = z.looseObject({
  message: text,
  author: z.looseObject({ name: text, email: text }),
  /** For which run it is. */
  runId: text.optional(),
})
export type CommitCommand = z.infer<typeof commitCommand>
/** `sha` is null when there was nothing to commit. `ahead` counts commits on the target branch that the source lacks. */
export const commitAnswer = z.looseObject({
  sha: objectId.nullable(),
  /** What an earlier command for the same run has made, whose answer may not have arrived, where this one makes nothing. */
  earlierSha: objectId.optional(),
  head: objectId,
  ahead: count,
  /** Against the source branch, all commits together. */
  files: count.optional(),
  additions: count.optional(),
  deletions: count.optional(),
})
export type CommitAnswer = z.infer<typeof commitAnswer>

export const pushCommand = z.looseObject({ targetBranch: text })
export type PushCommand = z.infer<typeof pushCommand>
/** `message` is git's own words when it was refused. */
export const pushAnswer = z.looseObject({ ok: z.boolean(), head: text, message: text })
export type PushAnswer = z.infer<typeof pushAnswer>

export { journalEvent }
