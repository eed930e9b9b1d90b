/**
 * The loop: check the limits, ask the model, run what it asked for, until something ends the run. Owns: the order of a run's
 * events. Must not know: HTTP, the journal's file, how tools or the provider work.
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { ExecuteCommand } from '../../contract/bridge.ts'
import type { DoneReason, JournalEvent, SandboxEventData, SandboxEventType } from '../../contract/events.ts'
import type { PullRequestAnswer, PullRequestRequest } from '../../contract/tunnel.ts'
import type { Journal } from '../journal/journal.ts'
import type { ReadLedger } from '../tools/tool.ts'
import type { Workspace } from '../workspace-port.ts'
import { askWithRetries, type RetryNote } from './ask-with-retries.ts'
import { type Conversation, INTERRUPTED_OUTPUT } from './conversation.ts'
import { READ_ONLY_TOOLS, RECITE_TASKS_STEPS } from './defaults.ts'
import { checkLimits, type LimitName } from './limits.ts'
import type { GuardVerdict, LoopGuard } from './loop-guard.ts'
import type { ModelAnswer, ModelClient } from './model-client.ts'
import type { ProjectInstructions } from './project-instructions.ts'
import { describeFailure } from './provider-failure.ts'
import { addStep, noteTasks, openTasks, type RunProgress } from './run-progress.ts'
import { type CallResult, type PreparedCall, prepareCall, runCall } from './tool-call.ts'
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

/** A run in progress: what it was asked, how far it is, and its hands. */
export interface Run {
  command: ExecuteCommand
  journal: Pick<Journal, 'append' | 'delta'>
  conversation: Conversation
  progress: RunProgress
  /** The step that is being worked on, from 1; 0 before the first. */
  step: number
  /** Its reason is a RunEnded. */
  signal: AbortSignal
  guard: LoopGuard
  client: ModelClient
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
}

/** Made once for each run, before its first step. */
export interface Briefing {
  instructions: string
  toolBox: ToolBox
  project: ProjectInstructions
}

/** Works until the run ends. Throws RunEnded, ProviderFailure, JournalError. */
export async function workOn(run: Run, briefing: Briefing): Promise<Ending> {
  for (;;) {
    const ending = meetLimits(run)
    if (ending) return ending
    const answer = await think(run, briefing)
    const next = answer.calls.length === 0 ? hearReply(run, answer) : await act(run, briefing, answer)
    if (next) return next
  }
}

/** Writes what a run does to the log and to the conversation, in that order. */
export function record<T extends SandboxEventType>(
  run: Pick<Run, 'journal' | 'conversation' | 'command'>,
  type: T,
  data: SandboxEventData<T>,
): JournalEvent {
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

/** The one place where limits are checked: at 80 % the model is told, at 100 % the run ends. */
function meetLimits(run: Run): Ending | null {
  run.progress.usage.durationMs = run.elapsedMs()
  const { ending, near } = checkLimits(run.progress.usage, run.command.limits)
  if (ending) return ending
  const news = near.filter(({ name }) => !run.told.has(name))
  if (news.length > 0) {
    for (const { name } of news) run.told.add(name)
    run.notices.push(
      `${news.map(({ warning }) => warning).join(' ')} Bring the work to a state that can be handed over: finish what is begun, verify it, begin nothing new.`,
    )
  }
  return null
}

/** One model call. Nothing of it is in the log before the whole answer is there. */
async function think(run: Run, briefing: Briefing): Promise<ModelAnswer> {
  const { command, progress, signal } = run
  const step = progress.usage.steps + 1
  run.step = step
  const { inputTokens, outputTokens, durationMs } = progress.usage
  const notice = takeNotices(run)
  record(run, 'thinking', {
    step,
    maxSteps: command.limits.maxSteps,
    tokensUsed: inputTokens + outputTokens,
    maxTokens: command.limits.maxTokens,
    elapsedMs: Math.round(durationMs),
    ...(notice === '' ? {} : { notice }),
  })
  const request = {
    runId: command.runId,
    modelId: command.model.id,
    maxOutputTokens: command.model.maxOutputTokens,
    instructions: briefing.instructions,
    messages: run.conversation.messages(),
    tools: briefing.toolBox.definitions,
  }
  const answer = await askWithRetries(run.client, request, {
    clock: run.clock,
    newMessageId: run.newMessageId,
    random: run.random,
    signal,
    onDelta: (delta) => run.journal.delta({ ...delta, runId: command.runId }),
    onRetry: (note) => reportRetry(run, note),
  })
  signal.throwIfAborted()
  addStep(progress, step, answer.usage)
  return answer
}

function takeNotices(run: Run): string {
  const { progress, notices } = run
  const left = openTasks(progress)
  if (left.length > 0 && progress.usage.steps - progress.tasksStep >= RECITE_TASKS_STEPS) {
    progress.tasksStep = progress.usage.steps
    notices.push(`Your task list stands so:\n${listTasks(progress)}`)
  }
  return notices.splice(0).join('\n\n')
}

function listTasks(progress: RunProgress): string {
  return progress.tasks.map(({ status, title }) => `- [${status}] ${title}`).join('\n')
}

function reportRetry(run: Run, { failure, attempt, waitMs, abandonedMessageIds }: RetryNote): void {
  const seconds = Math.max(1, Math.round(waitMs / 1_000))
  record(run, 'error', {
    code: 'provider_retry',
    message: `${describeFailure(failure)} Attempt ${attempt + 1} follows in ${seconds} s.`,
    detail: { attempt, status: failure.status, code: failure.code, waitMs, abandonedMessageIds },
  })
}

/** The answer's own events, in the order in which the model is to read them again. The first carries what is the step's. */
function recordAnswer(
  run: Run,
  { reasoning, text, usage, providerMetadata }: ModelAnswer,
  calls: PreparedCall[],
): void {
  const { step } = run
  let extras: Record<string, unknown> = { usage, ...(providerMetadata ? { providerMetadata } : {}) }
  const takeExtras = () => {
    const taken = extras
    extras = {}
    return taken
  }
  if (reasoning.text.trim() !== '') record(run, 'reasoning', { step, ...reasoning, ...takeExtras() })
  if (text.text.trim() !== '') record(run, 'text', { step, ...text, ...takeExtras() })
  for (const { toolCallId, tool, input } of calls) {
    record(run, 'tool_call', { step, toolCallId, tool, input, ...takeExtras() })
  }
}

/** A reply without a tool call: the end of the work, unless it was cut, empty, or leaves tasks over. */
function hearReply(run: Run, answer: ModelAnswer): Ending | null {
  recordAnswer(run, answer, [])
  const summary = answer.text.text.trim()
  if (answer.finish === 'content-filter') {
    const message =
      "The provider's content filter stopped the answer. Put the task in other words, or choose another model."
    return { reason: 'provider_error', message, ...(summary === '' ? {} : { summary }) }
  }
  const left = openTasks(run.progress)
  if (answer.finish === 'length') return heed(run, run.guard.judgeIdleReply(CUT_REPLY), summary)
  if (summary === '') return heed(run, run.guard.judgeIdleReply(EMPTY_REPLY), summary)
  if (left.length > 0) {
    const nudge = `Your reply called no tool, but tasks are left over:\n${listTasks(run.progress)}\nGo on with them. If they are done or will not be done, say so with update_tasks, then give your last reply again.`
    return heed(run, run.guard.judgeIdleReply(nudge), summary)
  }
  return { reason: 'completed', summary }
}

const CUT_REPLY =
  'Your last reply was cut off at the output limit. Go on from where it ended; nothing of an unfinished tool call was run.'
const EMPTY_REPLY = 'Your last reply was empty. Go on with the task, or say in words that it is done and what was done.'

function heed(run: Run, verdict: GuardVerdict, summary = ''): Ending | null {
  if (verdict.kind === 'stop') {
    const message = `${verdict.text} Look at its last steps, then resume it with a hint.`
    return { reason: 'loop_detected', message, ...(summary === '' ? {} : { summary }) }
  }
  if (verdict.kind === 'nudge') run.notices.push(verdict.text)
  return null
}

/** The tools of one step. All calls are in the log before the first one starts. */
async function act(run: Run, briefing: Briefing, answer: ModelAnswer): Promise<Ending | null> {
  const calls = answer.calls.map((call) => prepareCall(withOwnName(run, call), briefing.toolBox.byName))
  recordAnswer(run, answer, calls)
  if (calls.every((call) => READ_ONLY_TOOLS.has(call.tool))) {
    await Promise.all(calls.map((call) => perform(run, briefing, call)))
  } else {
    for (const call of calls) await perform(run, briefing, call)
  }
  return heed(run, run.guard.judge())
}

/** Providers number their calls anew in each answer or name tools that they would not take back: the log needs better. */
function withOwnName(run: Run, call: ModelAnswer['calls'][number]): ModelAnswer['calls'][number] {
  const fits = /^[A-Za-z0-9_-]{1,64}$/
  const toolCallId =
    fits.test(call.toolCallId) && !run.conversation.knowsCall(call.toolCallId) ? call.toolCallId : run.newMessageId()
  const tool = fits.test(call.tool) ? call.tool : call.tool.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unnamed'
  return { ...call, toolCallId, tool }
}

async function perform(run: Run, briefing: Briefing, call: PreparedCall): Promise<void> {
  run.signal.throwIfAborted()
  const { step } = run
  const { toolCallId, tool, input } = call
  const seen = { changedFiles: false }
  const context = giveHand(run, toolCallId, seen)
  const result = await runCall(call, { context, clock: run.clock, logger: run.logger })
  const output = result.output + (await attachInstructions(briefing, call, result))
  record(run, 'tool_result', { step, toolCallId, ...result, tool, output })
  run.guard.record({ tool, input, outcome: result.outcome, output: result.output, changedFiles: seen.changedFiles })
  run.signal.throwIfAborted()
}

/** What this call may touch. */
function giveHand(run: Run, toolCallId: string, seen: { changedFiles: boolean }) {
  const { command, journal, signal } = run
  return {
    workspace: run.workspace,
    reads: run.reads,
    signal,
    toolCallId,
    commandTimeoutMs: command.tools.commandTimeoutMs,
    targetBranch: command.agent.targetBranch,
    sourceBranch: command.agent.sourceBranch,
    onOutput: (delta: string) => {
      if (delta === '' || signal.aborted) return
      journal.delta({ type: 'tool_output_delta', runId: command.runId, messageId: toolCallId, delta })
    },
    emit: (event: EmittedEvent) => {
      if (event.type === 'file_change') seen.changedFiles = true
      if (event.type === 'task_update') noteTasks(run.progress, event.data.tasks)
      record(run, event.type, event.type === 'file_change' ? { toolCallId, ...event.data } : event.data)
    },
    openPullRequest: run.openPullRequest,
  }
}

type EmittedEvent =
  | { type: 'file_change'; data: SandboxEventData<'file_change'> }
  | { type: 'task_update'; data: SandboxEventData<'task_update'> }
  | { type: 'commit'; data: SandboxEventData<'commit'> }

async function attachInstructions({ project }: Briefing, call: PreparedCall, result: CallResult): Promise<string> {
  // As the tool found it: relative to the workspace, links followed.
  const path = result.detail?.path
  if (call.tool !== 'read_file' || result.outcome !== 'ok' || typeof path !== 'string') return ''
  return project.attachFor(path)
}
