/**
 * The loop: check the limits, ask the model, run what it asked for, until something ends the run. Owns: the order of a run's
 * events. Must not know: HTTP, the journal's file, how tools or the provider work.
 */
import { act } from './act.ts'
import type { ModelAnswer, ModelCall } from './answer.ts'
import { askWithRetries, type RetryNote } from './ask-with-retries.ts'
import { RECITE_TASKS_STEPS } from './defaults.ts'
import { beginStep, endInterruptedStep } from './hear.ts'
import { checkLimits } from './limits.ts'
import type { GuardVerdict } from './loop-guard.ts'
import { describeFailure } from './provider-failure.ts'
import { type Briefing, type Ending, type Run, record } from './run.ts'
import { addStep, openTasks, type RunProgress } from './run-progress.ts'
import { type PreparedCall, prepareCall } from './tool-call.ts'

/** Works until the run ends. Throws RunEnded, ProviderFailure, JournalError. */
export async function workOn(run: Run, briefing: Briefing): Promise<Ending> {
  for (;;) {
    const ending = meetLimits(run)
    if (ending) return ending
    await beginStep(run)
    const next = await takeStep(run, briefing)
    if (next) return next
  }
}

/** One model call and the tools it asked for. An ending is put off while people's words wait. */
async function takeStep(run: Run, briefing: Briefing): Promise<Ending | null> {
  try {
    const answer = await think(run, briefing)
    const calls = answer.calls.map((call) => prepareCall(withOwnName(run, call), briefing.toolBox.byName))
    const kept = recordAnswer(run, answer, calls)
    await act(run, briefing, kept)
    const next = calls.length > 0 ? heed(run, run.guard.judge()) : hearReply(run, answer)
    return next?.reason === 'completed' && run.attention.waiting ? null : next
  } catch (error) {
    endInterruptedStep(run, error)
    return null
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
  const { command, progress, stepSignal: signal } = run
  const step = progress.usage.steps + 1
  run.step = step
  const { inputTokens, outputTokens, durationMs } = progress.usage
  const notice = takeNotices(run)
  const heard = run.conversation.unheard()
  record(run, 'thinking', {
    step,
    maxSteps: command.limits.maxSteps,
    tokensUsed: inputTokens + outputTokens,
    maxTokens: command.limits.maxTokens,
    elapsedMs: Math.round(durationMs),
    ...(notice === '' ? {} : { notice }),
    ...(heard.length === 0 ? {} : { inputEventIds: heard }),
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
    newMessageId: () => {
      const id = run.newMessageId()
      run.attention.openMessageIds.push(id)
      return id
    },
    random: run.random,
    signal,
    firstAnswer: run.firstAnswer,
    onDelta: (delta) => run.journal.delta({ ...delta, runId: command.runId }),
    onRetry: (note) => reportRetry(run, note),
  })
  signal.throwIfAborted()
  run.attention.openMessageIds = []
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
    detail: { attempt, status: failure.status, code: failure.code, waitMs },
    abandonedMessageIds,
  })
}

/**
 * The answer's own events, in the order in which the model is to read them again; the first carries what is the step's.
 * Answers the calls that are in the log: one that the journal could not take must not run.
 */
function recordAnswer(
  run: Run,
  { reasoning, text, usage, providerMetadata }: ModelAnswer,
  calls: PreparedCall[],
): PreparedCall[] {
  const { step } = run
  let extras: Record<string, unknown> = { usage, ...(providerMetadata ? { providerMetadata } : {}) }
  const takeExtras = () => {
    const taken = extras
    extras = {}
    return taken
  }
  if (reasoning.text.trim() !== '') record(run, 'reasoning', { step, ...reasoning, ...takeExtras() })
  if (text.text.trim() !== '') record(run, 'text', { step, ...text, ...takeExtras() })
  const kept = calls.filter(({ toolCallId, tool, input }) => {
    const event = record(run, 'tool_call', { step, toolCallId, tool, input, ...takeExtras() })
    return event.type === 'tool_call'
  })
  if (kept.length < calls.length) run.notices.push(TOO_LARGE)
  return kept
}

const TOO_LARGE = 'A tool call of your last reply was too large and was not run. Send it again in smaller pieces.'

/** A reply without a tool call: the end of the work, unless it was cut, empty, or leaves tasks over. */
function hearReply(run: Run, answer: ModelAnswer): Ending | null {
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

/** Providers number their calls anew in each answer or name tools that they would not take back: the log needs better. */
function withOwnName(run: Run, call: ModelCall): ModelCall {
  const fits = /^[A-Za-z0-9_-]{1,64}$/
  const toolCallId =
    fits.test(call.toolCallId) && !run.conversation.knowsCall(call.toolCallId) ? call.toolCallId : run.newMessageId()
  const tool = fits.test(call.tool) ? call.tool : call.tool.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'unnamed'
  return { ...call, toolCallId, tool }
}
