/**
 * An answer of the model, put together from the parts of its stream: whole, or a ProviderFailure. Owns: what counts as whole.
 * Must not know: the wire, the log.
 */
import type { TextStreamPart, ToolSet } from 'ai'
import { cutStream } from './provider-failure.ts'
import type { StepUsage } from './run-progress.ts'

export type AnswerPart = TextStreamPart<ToolSet>

export interface ModelCall {
  toolCallId: string
  tool: string
  /** What the model sent, parsed; the text itself where it was not JSON. */
  input: unknown
  /** Arguments that are not whole or not JSON, in words for the model. */
  problem: string | null
}

export interface ModelAnswer {
  reasoning: { messageId: string; text: string }
  text: { messageId: string; text: string }
  calls: ModelCall[]
  finish: 'stop' | 'length' | 'content-filter'
  usage: StepUsage
  /** What has to be replayed with this answer exactly as it came. */
  providerMetadata: Record<string, Record<string, unknown>> | undefined
}

export type AnswerDelta = { type: 'text_delta' | 'reasoning_delta'; messageId: string; delta: string }

/** Under which the deltas go out. */
export interface MessageIds {
  reasoning: string
  text: string
}

/** Takes the parts of a stream as they come; `finish` gives the whole answer, or throws that there is none. */
export function collectAnswer(messageIds: MessageIds, onDelta: (delta: AnswerDelta) => void) {
  let reasoning = ''
  let text = ''
  const calls = new Map<string, ModelCall>()
  let end: Extract<AnswerPart, { type: 'finish-step' }> | null = null

  const take = (part: AnswerPart): void => {
    switch (part.type) {
      case 'error':
        throw part.error
      case 'text-delta':
        text += part.text
        if (part.text !== '') onDelta({ type: 'text_delta', messageId: messageIds.text, delta: part.text })
        return
      case 'reasoning-delta':
        reasoning += part.text
        if (part.text !== '') onDelta({ type: 'reasoning_delta', messageId: messageIds.reasoning, delta: part.text })
        return
      case 'tool-input-start':
        calls.set(part.id, { toolCallId: part.id, tool: part.toolName, input: {}, problem: CUT_ARGUMENTS })
        return
      case 'tool-call':
        calls.set(part.toolCallId, { toolCallId: part.toolCallId, tool: part.toolName, ...repairInput(part.input) })
        return
      case 'finish-step':
        end = part
    }
  }

  const finish = (): ModelAnswer => {
    const last = end as Extract<AnswerPart, { type: 'finish-step' }> | null
    if (last === null || last.rawFinishReason === undefined) {
      throw cutStream('The answer broke off: the stream ended without a finish reason.')
    }
    if (last.rawFinishReason === 'error' || last.finishReason === 'error') {
      throw cutStream('The answer broke off: the provider ended it with an error.')
    }
    const finished =
      last.finishReason === 'length' || last.finishReason === 'content-filter' ? last.finishReason : 'stop'
    return {
      reasoning: { messageId: messageIds.reasoning, text: reasoning },
      text: { messageId: messageIds.text, text },
      calls: [...calls.values()].map((call) => (finished === 'length' ? { ...call, problem: CUT_ARGUMENTS } : call)),
      finish: finished,
      usage: readUsage(last),
      providerMetadata: readReplayed(last.providerMetadata),
    }
  }
  return { take, finish }
}

const CUT_ARGUMENTS =
  'The call was cut off before its arguments were whole, so it was not run. Send it again; split what is long into several calls.'
const NOT_JSON = 'The arguments are not valid JSON, so the call was not run. Send it again as one JSON object.'

/** A text is what could not be parsed, or arguments that were encoded twice: those are decoded. */
function repairInput(input: unknown): Pick<ModelCall, 'input' | 'problem'> {
  if (typeof input !== 'string') return { input, problem: null }
  try {
    const decoded: unknown = JSON.parse(input)
    if (typeof decoded === 'object' && decoded !== null) return { input: decoded, problem: null }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return { input, problem: NOT_JSON }
}

function readUsage({ usage, providerMetadata }: Extract<AnswerPart, { type: 'finish-step' }>): StepUsage {
  const reported = providerMetadata?.openrouter?.usage as { cost?: unknown } | undefined
  return {
    inputTokens: usage.inputTokens ?? 0,
    outputTokens: usage.outputTokens ?? 0,
    costUsd: typeof reported?.cost === 'number' ? reported.cost : null,
  }
}

/** Reasoning with its signatures. On the whole message: there the provider takes it before anything else. */
function readReplayed(metadata: Record<string, Record<string, unknown>> | undefined): ModelAnswer['providerMetadata'] {
  const details = metadata?.openrouter?.reasoning_details
  return Array.isArray(details) && details.length > 0 ? { openrouter: { reasoning_details: details } } : undefined
}
