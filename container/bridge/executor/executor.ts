/**
 * One run at a time: begins it, joins it, continues it after an interruption, cancels it, and sees to it that the log has
 * exactly one `done` for it. Owns: a run's beginning and end. Must not know: HTTP, the loop's inside.
 */
import { type Clock, systemClock } from '../../../lib/clock.ts'
import { randomText } from '../../../lib/ids.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { AttendCommand, ExecuteCommand, PersonMessage } from '../../contract/bridge.ts'
import type { PullRequestAnswer, PullRequestRequest } from '../../contract/tunnel.ts'
import { type Journal, JournalError } from '../journal/journal.ts'

import { tools as allTools } from '../tools/index.ts'
import type { ReadLedger, Tool } from '../tools/tool.ts'
import type { Workspace } from '../workspace-port.ts'
import type { Conversation } from './conversation.ts'
import { CANCEL_GRACE_MS } from './defaults.ts'
import { watchDisk } from './disk-watch.ts'
import { ExecutorError } from './executor-error.ts'
import { FirstAnswer } from './first-answer.ts'
import { StepInterrupted } from './hear.ts'
import { diskEnding, diskUnmeasured, timeEnding } from './limits.ts'
import { workOn } from './loop.ts'
import { createLoopGuard } from './loop-guard.ts'
import { openMemory } from './memory.ts'
import { createModelClient, type ModelClient } from './model-client.ts'
import { readProjectInstructions } from './project-instructions.ts'
import { describeEnding, ProviderFailure } from './provider-failure.ts'
import { createReadLedger } from './read-ledger.ts'
import { type Ending, interruptOpenCalls, type Run, RunEnded, record } from './run.ts'
import { newProgress, readProgress } from './run-progress.ts'
import { CONTAINER, type SandboxPlace, writeSystemPrompt } from './system-prompt.ts'
import { packTools } from './tool-definitions.ts'
import type { ModelFetch } from './watch-line.ts'

export interface Executor {
  /**
   * Begins a run, continues the one that was interrupted, or joins it when it is in progress or has ended in this journal.
   * Throws ExecutorError; JournalError when the beginning cannot be written.
   */
  begin(command: ExecuteCommand): { runId: string; joined: boolean }
  /** Words of people wait for the run. False when there is no such run in progress. */
  attend(command: AttendCommand): boolean
  /** Resolves after the run's `done` is in the journal; `ended` is false when there was no such run in progress. */
  cancel(runId: string): Promise<{ ended: boolean }>
  current(): { id: string; step: number } | null
}

export { ExecutorError } from './executor-error.ts'

export interface ExecutorOptions {
  journal: Journal
  workspace: Workspace
  /** Reaches the gateway through the tunnel; waits while the tunnel is down. */
  modelFetch: ModelFetch
  /** Throws an Error with words for the model. */
  openPullRequest: (
    request: PullRequestRequest,
    options: { runId: string; signal: AbortSignal },
  ) => Promise<PullRequestAnswer>
  /** What people said during the run, each once. Throws when it cannot be had now. */
  takeMessages: (options: { runId: string; signal: AbortSignal }) => Promise<PersonMessage[]>
  logger: Logger
  /** Of the bridge; noted with each run. */
  version: string
  /** Default: a container's. */
  place?: SandboxPlace
  clock?: Clock
  /** In the order in which the model is told of them. Default: all there are. */
  tools?: readonly Tool[]
  newMessageId?: () => string
  /** From 0 to 1: the jitter of retries. */
  random?: () => number
}

interface Current {
  id: string
  run: Run
  abort: AbortController
  finished: Promise<void>
}

export function createExecutor(options: ExecutorOptions): Executor {
  const parts = {
    place: CONTAINER,
    clock: systemClock,
    tools: allTools,
    newMessageId: makeMessageId,
    random: Math.random,
    ...options,
  }
  const { journal, modelFetch, clock } = parts
  const client = createModelClient({ modelFetch, clock })
  const reads = createReadLedger()
  const memory = openMemory(journal)
  let current: Current | null = null

  return {
    begin(command) {
      const { runId } = command
      if (current?.id === runId || journal.runState(runId) === 'ended') return { runId, joined: true }
      if (current) {
        const message = `Run ${current.id} is in progress: wait for its end or cancel it before ${runId} begins.`
        throw new ExecutorError('run_in_progress', message)
      }
      const conversation = memory.recall(command)
      const abort = new AbortController()
      const run = makeRun({ command, conversation, signal: abort.signal, client, reads, parts })
      openRun(run, parts.version)
      const finished = execute({ run, abort, parts }).finally(() => {
        current = null
      })
      current = { id: runId, run, abort, finished }
      return { runId, joined: false }
    },
    attend({ runId, interrupt }) {
      if (current?.id !== runId) return false
      const { attention } = current.run
      attention.waiting = true
      if (interrupt) attention.step.abort(new StepInterrupted())
      return true
    },
    async cancel(runId) {
      if (current?.id !== runId) return { ended: false }
      const { abort, finished } = current
      abort.abort(new RunEnded({ reason: 'cancelled' }))
      await finished
      return { ended: true }
    },
    current: () => current && { id: current.id, step: current.run.step },
  }
}

function makeMessageId(): string {
  return `msg_${randomText(20)}`
}

interface MakeRunOptions {
  command: ExecuteCommand
  conversation: Conversation
  signal: AbortSignal
  client: ModelClient
  reads: ReadLedger
  parts: Required<ExecutorOptions>
}

function makeRun({ command, conversation, signal, client, reads, parts }: MakeRunOptions): Run {
  const { journal, workspace, clock, newMessageId, random, openPullRequest, takeMessages } = parts
  const { runId } = command
  const progress = conversation.hasRun(runId) ? readProgress(runId, journal.entries()) : newProgress()
  const startedMs = clock.monotonicMs() - progress.usage.durationMs
  const firstAnswer = new FirstAnswer(clock)
  if (progress.usage.steps > 0) firstAnswer.begin()
  return {
    command,
    journal,
    conversation,
    progress,
    step: progress.usage.steps,
    signal,
    stepSignal: signal,
    attention: { waiting: command.attend === true, step: new AbortController(), openMessageIds: [] },
    takeMessages: () => takeMessages({ runId, signal }),
    guard: createLoopGuard(),
    client,
    firstAnswer,
    workspace,
    reads,
    clock,
    logger: parts.logger.with({ runId }),
    newMessageId,
    random,
    openPullRequest: (request) => openPullRequest(request, { runId, signal }),
    elapsedMs: () => clock.monotonicMs() - startedMs,
    notices: command.notice === undefined ? [] : [command.notice],
    told: new Set(),
    closed: false,
  }
}

/** The first events of a run. What an earlier life of the bridge left half done is closed before anything else is said. */
function openRun(run: Run, bridgeVersion: string): void {
  const { command, conversation } = run
  const seenBefore = conversation.hasRun(command.runId)
  interruptOpenCalls(run, command.runId)
  record(run, 'run_started', {
    inputEventId: command.input.eventId,
    model: command.model.id,
    maxSteps: command.limits.maxSteps,
    continued: seenBefore || command.continued,
    bridgeVersion,
  })
  if (seenBefore) run.notices.push(CONTINUED_NOTICE)
}

const CONTINUED_NOTICE =
  'The sandbox was interrupted and started again. Files are as they were left; commands that were running are gone. Go on with the task.'

interface Execution {
  run: Run
  abort: AbortController
  parts: Required<ExecutorOptions>
}

/** Never rejects: whatever happens, the run ends with its `done`, or the log says why there is none. */
async function execute({ run, abort, parts }: Execution): Promise<void> {
  const stopClock = limitTime(run, abort)
  const stopDiskWatch = limitDisk({ run, abort, parts })
  const worked = new AbortController()
  let ending: Ending
  try {
    ending = await Promise.race([
      brief(run, parts).then((briefing) => workOn(run, briefing)),
      giveUp(run, worked.signal),
    ])
  } catch (error) {
    ending = explainEnding(run, error)
  }
  worked.abort()
  stopClock()
  stopDiskWatch()
  try {
    closeRun(run, ending)
  } catch (error) {
    run.logger.error('The end of a run could not be written.', { reason: ending.reason, error })
  }
}

/** Rejects when a run that was ended from outside does not come to its end by itself: some part does not heed the signal. */
async function giveUp({ signal, clock }: Run, worked: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true, signal: worked })
  })
  await clock.sleep(2 * CANCEL_GRACE_MS, worked)
  throw signal.reason
}

async function brief(run: Run, { tools, place }: Pick<Required<ExecutorOptions>, 'tools' | 'place'>) {
  const { command, workspace, logger } = run
  const [toolBox, project] = await Promise.all([
    packTools(tools, command.tools.allow),
    readProjectInstructions(workspace, logger),
  ])
  run.signal.throwIfAborted()
  const instructions = writeSystemPrompt({
    agent: command.agent,
    place,
    tools: new Set(toolBox.byName.keys()),
    commandTimeoutMs: command.tools.commandTimeoutMs,
    projectInstructions: project.root,
  })
  return { instructions, toolBox, project }
}

/** Ends the run when its files take too much, also in the middle of a command that writes them. */
function limitDisk({ run, abort, parts }: Execution): () => void {
  const { maxDiskBytes = null } = run.command.limits
  if (maxDiskBytes === null) return () => {}
  const { workspace, home } = parts.place
  return watchDisk({
    workspace: run.workspace,
    folders: [workspace, home],
    clock: run.clock,
    logger: run.logger,
    signal: run.signal,
    onMeasured(bytes) {
      run.progress.usage.diskBytes = bytes
      if (bytes < maxDiskBytes) return
      abort.abort(new RunEnded({ reason: 'disk_limit', message: diskEnding(bytes, maxDiskBytes) }))
    },
    onUnmeasured(why) {
      record(run, 'error', { code: 'disk_unmeasured', message: diskUnmeasured(why, maxDiskBytes) })
    },
  })
}

/** Ends the run when its time is over, also in the middle of a call. */
function limitTime(run: Run, abort: AbortController): () => void {
  const { maxDurationMs } = run.command.limits
  const ended = new AbortController()
  run.clock.sleep(Math.max(0, maxDurationMs - run.elapsedMs()), ended.signal).then(
    () => abort.abort(new RunEnded({ reason: 'time_limit', message: timeEnding(maxDurationMs) })),
    (error) => {
      if (!ended.signal.aborted) run.logger.error('The time limit of a run is not watched.', { error })
    },
  )
  return () => ended.abort()
}

function explainEnding(run: Run, error: unknown): Ending {
  const ended: unknown = run.signal.reason
  if (ended instanceof RunEnded) return ended.ending
  if (error instanceof ProviderFailure) {
    run.logger.warn('The model provider ended a run.', { status: error.status, code: error.code, error })
    return describeEnding(error)
  }
  if (error instanceof JournalError && error.code === 'disk_full') {
    return {
      reason: 'disk_limit',
      message: `${error.message} Free space on the machine that has it, then resume the agent; diskBytes does not make it larger.`,
    }
  }
  run.logger.error('A run failed.', { error })
  const words = error instanceof Error ? error.message : String(error)
  return {
    reason: 'failed',
    message: `The bridge failed: ${words}. The bridge log has the details; resume the agent to try again.`,
  }
}

function closeRun(run: Run, ending: Ending): void {
  const { steps, inputTokens, outputTokens } = run.progress.usage
  try {
    interruptOpenCalls(run, run.command.runId)
  } finally {
    const durationMs = Math.round(run.elapsedMs())
    record(run, 'done', { ...ending, steps, inputTokens, outputTokens, durationMs })
    run.closed = true
  }
}
