/**
 * The events of an agent's log, as they cross the wire from bridge to control plane and as they are stored.
 * Owns: type names and the shape of each type's `data`. Must not know: storage, transport, presentation.
 *
 * A stored event is one that has a place in the log. An ephemeral event is a delta of a stored one that follows it: it
 * carries the `messageId` of that event and the `offset` (UTF-16 code units) at which its text goes, so that a reader who
 * comes in the middle can join without doubling a character.
 */
import { z } from 'zod'

export const MAX_EVENT_BYTES = 256 * 1024

const text = z.string()
/** As large as a column takes. */
export const MAX_COUNT = 2_147_483_647
const count = z.number().int().nonnegative().max(MAX_COUNT)

/** Why a run ended. The closed set of DESIGN section 4. */
export const doneReason = z.enum([
  'completed',
  'step_limit',
  'token_budget',
  'cost_budget',
  'time_limit',
  'loop_detected',
  'cancelled',
  'provider_error',
  'disk_limit',
  'sandbox_lost',
  'failed',
])
export type DoneReason = z.infer<typeof doneReason>

/** Provider-specific fields (reasoning signatures, say) that have to be replayed to the model exactly as they came. */
const providerMetadata = z.record(z.string(), z.record(z.string(), z.unknown())).optional()

export const task = z.looseObject({
  title: text,
  status: z.enum(['pending', 'in_progress', 'completed']),
})
export type Task = z.infer<typeof task>

/** Types that a sandbox may write. Unknown fields are kept: an older or a newer bridge may send them. */
export const sandboxEventData = {
  /** A run begins, or goes on after an interruption (`continued`). Refers to the person's `message`, never repeats it. */
  run_started: z.looseObject({ inputEventId: text, model: text, maxSteps: count, continued: z.boolean() }),
  /** A step begins: one model call and the tools it asks for. `step` counts from 1 in each run. */
  thinking: z.looseObject({
    step: count,
    maxSteps: count,
    tokensUsed: count,
    maxTokens: count.nullable(),
    /** `message` events that the model reads from this step on. */
    inputEventIds: z.array(text).optional(),
  }),
  reasoning: z.looseObject({ step: count, messageId: text, text, providerMetadata }),
  text: z.looseObject({ step: count, messageId: text, text, providerMetadata }),
  /** Written before the tool starts. `input` is what the model sent, after the schema had its say. */
  tool_call: z.looseObject({ step: count, toolCallId: text, tool: text, input: z.unknown(), providerMetadata }),
  /** `output` is what the model reads; `detail` what a page may show (for a command: exitCode, durationMs, truncated). */
  tool_result: z.looseObject({
    step: count,
    toolCallId: text,
    tool: text,
    outcome: z.enum(['ok', 'error', 'interrupted']),
    output: text,
    durationMs: z.number().nonnegative(),
    detail: z.record(z.string(), z.unknown()).optional(),
  }),
  file_change: z.looseObject({
    path: text,
    change: z.enum(['added', 'modified', 'deleted']),
    additions: count,
    deletions: count,
    diff: text,
    truncated: z.boolean(),
    toolCallId: text.optional(),
  }),
  task_update: z.looseObject({ tasks: z.array(task) }),
  compaction: z.looseObject({ tokensBefore: count, tokensAfter: count }),
  mode_changed: z.looseObject({ mode: text }),
  commit: z.looseObject({ sha: text, subject: text, branch: text, files: count }),
  error: z.looseObject({ code: text, message: text, detail: z.record(z.string(), z.unknown()).optional() }),
  /** The run ended. `summary` is the model's last words. Of several `done` of one run the first stored wins. */
  done: z.looseObject({
    reason: doneReason,
    message: text.optional(),
    summary: text.optional(),
    steps: count,
    inputTokens: count,
    outputTokens: count,
    durationMs: z.number().nonnegative(),
  }),
} as const

/** Types that only the control plane writes: it did what they say itself. From a sandbox they are refused. */
export const controlEventData = {
  /** A person's words. The run that answers them refers to this event by its id. */
  message: z.looseObject({ text, from: z.object({ userId: text, name: text }).nullable() }),
  /** Agent state as people see it; `stage` and `percent` during a start. */
  status: z.looseObject({
    status: text,
    stage: text.optional(),
    percent: z.number().optional(),
    message: text.optional(),
    code: text.optional(),
    logTail: z.array(text).optional(),
  }),
  usage: z.looseObject({
    model: text,
    inputTokens: count,
    outputTokens: count,
    cachedInputTokens: count,
    reasoningTokens: count,
    /** US dollars: the provider's figure; by the catalogue's price where it gives none; null where there is none either. */
    costUsd: z.number().nonnegative().nullable(),
    modelCallId: text,
    /** False when the provider's own figures never came: then the tokens are an estimate, and the cost of a cut answer all it may be. */
    complete: z.boolean(),
  }),
  egress_denied: z.looseObject({
    host: text,
    port: count,
    rule: text,
    reason: text,
    cure: text,
    /** What the log says of refusals that are not in it. */
    note: text.optional(),
  }),
  push: z.looseObject({
    ref: text,
    oldSha: text,
    newSha: text,
    /** `unknown`: it was forwarded to the git host, and nobody said what came of it. */
    outcome: z.enum(['ok', 'refused', 'unknown']),
    reason: text.optional(),
    /** "owner/repo", when it was for another than the agent's own. */
    repository: text.optional(),
    /** What the log says of refusals that are not in it. */
    note: text.optional(),
  }),
  pull_request: z.looseObject({
    action: z.enum(['opened', 'updated', 'skipped']),
    number: count.optional(),
    url: text.optional(),
    title: text.optional(),
    reason: text.optional(),
    code: text.optional(),
  }),
  approval_requested: z.looseObject({ approvalId: text }),
  approval_resolved: z.looseObject({ approvalId: text, decision: z.enum(['approve', 'deny']) }),
} as const

/** Never stored, coalesced to about 50 ms. */
export const deltaEventData = {
  text_delta: z.looseObject({ messageId: text, offset: count, delta: text }),
  reasoning_delta: z.looseObject({ messageId: text, offset: count, delta: text }),
  /** `messageId` is the tool call's id. */
  tool_output_delta: z.looseObject({ messageId: text, offset: count, delta: text }),
} as const

export type SandboxEventType = keyof typeof sandboxEventData
export type ControlEventType = keyof typeof controlEventData
export type DeltaEventType = keyof typeof deltaEventData
/** `error` is in both: the control plane stores `event_rejected` in the place of an event it cannot take. */
export type EventType = SandboxEventType | ControlEventType

export type SandboxEventData<T extends SandboxEventType> = z.infer<(typeof sandboxEventData)[T]>
export type ControlEventData<T extends ControlEventType> = z.infer<(typeof controlEventData)[T]>
export type DeltaEventData<T extends DeltaEventType> = z.infer<(typeof deltaEventData)[T]>
export type EventData<T extends EventType> = T extends SandboxEventType
  ? SandboxEventData<T>
  : T extends ControlEventType
    ? ControlEventData<T>
    : never

export const sandboxEventTypes = Object.keys(sandboxEventData) as SandboxEventType[]
export const controlEventTypes = Object.keys(controlEventData) as ControlEventType[]
export const deltaEventTypes = Object.keys(deltaEventData) as DeltaEventType[]

/** One line of a bridge's journal, numbered n = 1, 2, 3 within its journal. `data` is checked by type on acceptance. */
export const journalEvent = z.looseObject({
  n: z.number().int().positive(),
  type: text,
  runId: text.max(200).nullable(),
  /** Not of the year 0, which PostgreSQL does not know. */
  at: z.iso.datetime().refine((at) => !at.startsWith('0000'), 'must be of the year 1 or later'),
  data: z.record(z.string(), z.unknown()),
})
export type JournalEvent = z.infer<typeof journalEvent>

/** A delta as it crosses the wire: it has no number, because it has no place in the log. Held in memory: nothing else of it is kept. */
export const deltaEvent = z.object({
  type: z.enum(['text_delta', 'reasoning_delta', 'tool_output_delta']),
  runId: text.max(200).nullable(),
  data: z.object({ messageId: text.max(200), offset: count, delta: text }),
})
export type DeltaEvent = z.infer<typeof deltaEvent>

/** U+0000 and lone surrogates, which PostgreSQL refuses in text and jsonb, become U+FFFD. Deep, for any JSON value. */
export function cleanText<T>(value: T): T {
  if (typeof value === 'string') {
    const wellFormed = value.toWellFormed()
    return (wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed) as T
  }
  if (Array.isArray(value)) return value.map(cleanText) as T
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), cleanText(item)])) as T
  }
  return value
}
