/**
 * One tool call: is it one, does its input fit, what came of it. Every way it can go ends in words that the model can read.
 * Owns: validation, the narrow hand given to the tool, its live output. Must not know: the conversation, what comes next.
 */
import type { z } from 'zod'
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { Tool, ToolContext, ToolOutput } from '../tools/tool.ts'
import type { ModelCall } from './answer.ts'
import { CANCEL_GRACE_MS } from './defaults.ts'

export interface PreparedCall {
  toolCallId: string
  tool: string
  /** As it goes into the log: after the schema had its say, or as it was sent when it did not fit. */
  input: unknown
  /** Null: malformed, `problem` is its result. */
  run: ((context: ToolContext) => Promise<ToolOutput>) | null
  problem: string | null
}

export interface CallResult extends Omit<ToolOutput, 'outcome'> {
  outcome: 'ok' | 'error' | 'interrupted'
  durationMs: number
}

export function prepareCall(call: ModelCall, tools: ReadonlyMap<string, Tool>): PreparedCall {
  const refused = (problem: string): PreparedCall => ({
    toolCallId: call.toolCallId,
    tool: call.tool,
    input: call.input,
    run: null,
    problem,
  })
  const tool = tools.get(call.tool)
  if (tool === undefined) {
    return refused(`There is no tool "${call.tool}". The tools are: ${[...tools.keys()].join(', ')}.`)
  }
  if (call.problem !== null) return refused(call.problem)
  const parsed = tool.input.safeParse(call.input)
  if (!parsed.success) return refused(describeIssues(call.tool, parsed.error))
  return {
    toolCallId: call.toolCallId,
    tool: call.tool,
    input: parsed.data,
    run: (context) => tool.execute(parsed.data, context),
    problem: null,
  }
}

function describeIssues(tool: string, error: z.ZodError): string {
  const issues = error.issues.map((issue) => `- ${issue.path.join('.') || '(arguments)'}: ${issue.message}`)
  return `The arguments of ${tool} do not fit its schema, so it was not run:\n${issues.join('\n')}\nSend the call again with all required fields. Arguments that arrive empty were cut off: send less at once.`
}

export interface RunCallOptions {
  context: ToolContext
  clock: Clock
  logger: Logger
}

/** Never throws. When the signal is aborted it returns within CANCEL_GRACE_MS, whatever the tool does. */
export async function runCall(call: PreparedCall, { context, clock, logger }: RunCallOptions): Promise<CallResult> {
  if (call.run === null) return { outcome: 'error', output: call.problem ?? 'The call is malformed.', durationMs: 0 }
  const startedMs = clock.monotonicMs()
  const settled = new AbortController()
  try {
    const result = await Promise.race([call.run(context), afterGrace(context.signal, clock, settled.signal)])
    const outcome = context.signal.aborted ? 'interrupted' : result.outcome
    return { ...result, outcome, durationMs: clock.monotonicMs() - startedMs }
  } catch (error) {
    const durationMs = clock.monotonicMs() - startedMs
    if (context.signal.aborted) return { outcome: 'interrupted', output: CANCELLED_OUTPUT, durationMs }
    logger.error('A tool threw instead of answering.', { tool: call.tool, toolCallId: call.toolCallId, error })
    const words = error instanceof Error ? error.message : String(error)
    return { outcome: 'error', output: `${call.tool} failed: ${words}`, durationMs }
  } finally {
    settled.abort()
  }
}

const CANCELLED_OUTPUT = 'Cancelled before it ended. It may have taken effect in part.'

/** Gives the tool a moment after the abort to hand over what it has, then answers in its place. */
async function afterGrace(signal: AbortSignal, clock: Clock, settled: AbortSignal): Promise<ToolOutput> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: settled })
  })
  await clock.sleep(CANCEL_GRACE_MS, settled)
  return { output: CANCELLED_OUTPUT, outcome: 'error' }
}
