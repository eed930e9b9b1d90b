/**
 * What one agent's page shows of its log: turns, entries, and what stands beside them.
 * Owns: these shapes. Must not know: how they are folded or drawn.
 */
import type { Task } from '../../container/contract/events.ts'
import type { Joined } from './delta-join.ts'

export interface FileChange {
  seq: number
  at: string
  path: string
  change: 'added' | 'modified' | 'deleted'
  additions: number
  deletions: number
  diff: string
  truncated: boolean
}

export interface ToolResult {
  outcome: 'ok' | 'error' | 'interrupted'
  output: string
  durationMs: number
  detail: Record<string, unknown>
}

interface EntryBase {
  /** Stable across the change from live to stored. */
  key: string
  at: string
}

export interface TextEntry extends EntryBase {
  kind: 'text' | 'reasoning'
  messageId: string
  text: Joined
  /** live: still being written; cut: its step or run ended before it was whole, so the log does not hold it. */
  state: 'live' | 'whole' | 'cut'
}

export interface ToolEntry extends EntryBase {
  kind: 'tool'
  toolCallId: string
  tool: string
  input: unknown
  result: ToolResult | null
  liveOutput: Joined
  changes: FileChange[]
  tasks: Task[] | null
}

export interface ChangeEntry extends EntryBase {
  kind: 'change'
  change: FileChange
}

export interface StartStageView {
  stage: string
  startedAt: string
  endedAt: string | null
  percent: number | null
}

/** Words to a run in progress, or that waited for one. */
export interface SaidEntry extends EntryBase {
  kind: 'said'
  text: string
  from: string | null
}

export interface StartEntry extends EntryBase {
  kind: 'start'
  stages: StartStageView[]
  message: string
  /** What the setup script says, as it comes; the log does not keep it. */
  output: { messageId: string; text: Joined } | null
  outcome: 'going' | 'ok' | 'failed'
  failure: { stage: string | null; code: string; message: string; logTail: string[] } | null
}

export interface NoteEntry extends EntryBase {
  kind:
    | 'commit'
    | 'push'
    | 'pull_request'
    | 'error'
    | 'compaction'
    | 'refused'
    | 'continued'
    | 'stopped'
    | 'asleep'
    | 'told'
    | 'interrupted'
    | 'retried'
  data: Record<string, unknown>
}

export type Entry = TextEntry | ToolEntry | ChangeEntry | SaidEntry | StartEntry | NoteEntry

export interface TurnEnd {
  /** How many entries came before it; what follows (the push, the pull request) stands below it. */
  position: number
  at: string
  reason: string
  message: string
  summary: string
  steps: number
  inputTokens: number
  outputTokens: number
  durationMs: number
}

export interface Turn {
  key: string
  runId: string | null
  order: { text: string; from: string | null; at: string } | null
  entries: Entry[]
  startedAt: string | null
  step: number
  maxSteps: number | null
  tokensUsed: number
  costUsd: number
  additions: number
  deletions: number
  end: TurnEnd | null
}

export interface Refusal {
  host: string
  port: number
  count: number
  lastAt: string
  reason: string
  cure: string
}

export interface ChangedFile {
  path: string
  change: FileChange['change']
  additions: number
  deletions: number
  changes: FileChange[]
}

export interface StatusView {
  at: string
  status: string
  stage: string | null
  percent: number | null
  message: string | null
}

export interface Transcript {
  lastSeq: number
  turns: Turn[]
  tasks: Task[]
  files: ChangedFile[]
  refusals: Refusal[]
  status: StatusView | null
  /** Output of a command whose `tool_call` has not come yet: deltas do not wait for the database. */
  early: Readonly<Record<string, Joined>>
}
