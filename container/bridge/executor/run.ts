/**
 * What a run is while it lasts: what it was asked, how far it is, its hands, and how it writes to the log. Must not know: the
 * loop, HTTP, the journal's file.
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { ExecuteCommand, PersonMessage } from '../../contract/bridge.ts'
import type { DoneReason, JournalEvent, SandboxEventData, SandboxEventType } from '../../contract/events.ts'
import type { PullRequestAnswer, PullRequestRequest } from '../../contract/tunnel.ts'
import type { Journal } from '../journal/journal.ts'
import type { ReadLedger } from '../tools/tool.ts'
import type { Workspace } from '../workspace-port.ts'
import { type Conversation, INTERRUPTED_OUTPUT } from './conversation.ts'
import type { FirstAnswer } from './first-answer.ts'
import type { LimitName } from './limits.ts'
import type { LoopGuard } from './loop-guard.ts'
import type { ModelClient } from './model-client.ts'
import type { ProjectInstructions } from './project-instructions.ts'
import type { RunProgress } from './run-progress.ts'
import type { ToolBox } from './tool-definitions.ts'

export interface Ending {
  reason: DoneReason
  /** What happened and what to do, for the person. */
  message?: string
  /** The model's last words. */
  summary?: string
}

/** Thrown through whatever a run is doing when it is ended from outside. */
export class RunEnded extends Error {
  readonly ending: Ending
  constructor(ending: Ending) {
    super(`The run was ended: ${ending.reason}`)
    this.name = 'RunEnded'
    this.ending = ending
  }
}

/** Words of people that wait outside. */
export interface Attention {
  /** There are some, as far as is known. */
  waiting: boolean
  /** Aborted to end the step in progress, or the one about to begin. */
  step: AbortController
  /** Messages of the step whose deltas go out and whose text is not in the log yet. */
  openMessageIds: string[]
}

/** A run in progress: what it was asked, how far it is, and its hands. */
export interface Run {
  command: ExecuteCommand
  journal: Pick<Journal, 'append' | 'appendInput' | 'delta'>
  conversation: Conversation
  progress: RunProgress
  /** The step that is being worked on, from 1; 0 before the first. */
  step: number
  /** Its reason is a RunEnded. */
  signal: AbortSignal
  /** Aborts with the run, and when a person interrupts the step in progress. */
  stepSignal: AbortSignal
  attention: Attention
  /** What people said meanwhile, each once. */
  takeMessages: () => Promise<PersonMessage[]>
  guard: LoopGuard
  client: ModelClient
  firstAnswer: FirstAnswer
  workspace: Workspace
  reads: ReadLedger
  clock: Clock
  logger: Logger
  newMessageId: () => string
  random: () => number
  openPullRequest: (request: PullRequestRequest) => Promise<PullRequestAnswer>
  /** Wall time of the run so far, in ms, without interruptions. */
  elapsedMs: () => number
  /** What the model is to read before the next step; taken by it. */
  notices: string[]
  /** Limits that the model was told of. */
  told: Set<LimitName>
  /** Its `done` is written: whatever still runs can write nothing more. */
  closed: boolean
}

/** Made once for each run, before its first step. */
export interface Briefing {
  instructions: string
  toolBox: ToolBox
  project: ProjectInstructions
}

/** Writes what a run does to the log and to the conversation, in that order. Throws RunEnded once the run is closed. */
export function record<T extends SandboxEventType>(
  run: Pick<Run, 'conversation' | 'command' | 'signal' | 'closed'> & { journal: Pick<Journal, 'append'> },
  type: T,
  data: SandboxEventData<T>,
): JournalEvent {
  if (run.closed) throw run.signal.reason
  const event = run.journal.append({ type, runId: run.command.runId, data })
  run.conversation.apply({ kind: 'event', event })
  return event
}

/** Calls without a result get one that says so; they are never run again. */
export function interruptOpenCalls(
  run: Pick<Run, 'journal' | 'conversation'>,
  fallbackRunId: string,
  output = INTERRUPTED_OUTPUT,
): void {
  for (const { toolCallId, tool, step, runId } of run.conversation.openCalls()) {
    const data = { step, toolCallId, tool, outcome: 'interrupted' as const, output, durationMs: 0 }
    const event = run.journal.append({ type: 'tool_result', runId: runId ?? fallbackRunId, data })
    run.conversation.apply({ kind: 'event', event })
  }
}
