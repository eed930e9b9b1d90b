/**
 * One model call over OpenRouter's wire, to the gateway alone. An answer is whole or it is a failure: nothing of a cut stream
 * comes out of here but its deltas. Owns: the provider, its traps, cache marks. Must not know: the log, retries, tools' work.
 *
 * Traps of @openrouter/ai-sdk-provider 3.1: a stream without a finish reason ends as `tool-calls` when there were any (the raw
 * reason is missing then); arguments cut off become `{}`; calls that were begun and never completed are dropped in silence.
 */
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { type ModelMessage, type SystemModelMessage, streamText, type TextStreamPart, type ToolSet } from 'ai'
import type { Clock } from '../../../lib/clock.ts'
import { MODEL_AUTHORITY, RUN_HEADER } from '../../contract/tunnel.ts'
import { STALL_MS } from './defaults.ts'
import { cutStream, type ProviderFailure, toProviderFailure, wordsOf } from './provider-failure.ts'
import type { StepUsage } from './run-progress.ts'

export interface ModelRequest {
  runId: string
  modelId: string
  maxOutputTokens: number | null
  instructions: string
  messages: readonly ModelMessage[]
  tools: ToolSet
}

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

export interface ModelClient {
  /**
   * Throws ProviderFailure; when `signal` is aborted, its reason, at once, whatever the transport does.
   * `messageIds` are those under which the deltas go out.
   */
  ask(request: ModelRequest, options: AskOptions): Promise<ModelAnswer>
}

export interface AskOptions {
  messageIds: { reasoning: string; text: string }
  signal: AbortSignal
  onDelta: (delta: AnswerDelta) => void
}

export interface ModelClientOptions {
  modelFetch: typeof fetch
  clock: Clock
}

// The provider prints to the console otherwise, once for every reasoning it leaves out.
globalThis.AI_SDK_LOG_WARNINGS = false

export function createModelClient({ modelFetch, clock }: ModelClientOptions): ModelClient {
  return {
    async ask(request, { messageIds, signal, onDelta }) {
      signal.throwIfAborted()
      const attempt = new AbortController()
      const abort = () => attempt.abort()
      signal.addEventListener('abort', abort, { once: true })
      const line = watchLine({ modelFetch, clock, attempt })
      const answer = collectAnswer(messageIds, onDelta)
      try {
        const stream = openStream(request, line.fetch, attempt.signal)
        await Promise.race([readAll(stream, answer.take), rejectOnAbort(attempt.signal)])
        if (line.broken()) throw line.broken()
        return answer.finish()
      } catch (error) {
        signal.throwIfAborted()
        throw toProviderFailure(line.broken() ?? error, clock.now().getTime())
      } finally {
        signal.removeEventListener('abort', abort)
        line.end()
        // A stream that failed half-way is still open on the wire.
        attempt.abort()
      }
    },
  }
}

type Part = TextStreamPart<ToolSet>

function openStream(request: ModelRequest, fetchModel: typeof fetch, abortSignal: AbortSignal): AsyncIterable<Part> {
  const marked = markCache(request)
  const provider = createOpenRouter({
    baseURL: `http://${MODEL_AUTHORITY}/api/v1`,
    // The key is the gateway's to add.
    apiKey: 'none',
    headers: { [RUN_HEADER]: request.runId },
    fetch: fetchModel,
  })
  return streamText({
    model: provider.chat(request.modelId, { usage: { include: true } }),
    instructions: marked.instructions,
    messages: marked.messages,
    tools: request.tools,
    ...(request.maxOutputTokens === null ? {} : { maxOutputTokens: request.maxOutputTokens }),
    maxRetries: 0,
    abortSignal,
    // Errors come as parts of the stream; the default prints whole prompts.
    onError: () => {},
  }).stream
}

async function readAll(stream: AsyncIterable<Part>, take: (part: Part) => void): Promise<void> {
  for await (const part of stream) take(part)
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function collectAnswer(messageIds: AskOptions['messageIds'], onDelta: AskOptions['onDelta']) {
  let reasoning = ''
  let text = ''
  const calls = new Map<string, ModelCall>()
  let end: Extract<Part, { type: 'finish-step' }> | null = null

  const take = (part: Part): void => {
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
    const last = end as Extract<Part, { type: 'finish-step' }> | null
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

function readUsage({ usage, providerMetadata }: Extract<Part, { type: 'finish-step' }>): StepUsage {
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

const EPHEMERAL = { openrouter: { cacheControl: { type: 'ephemeral' } } }

/**
 * Anthropic caches up to the places that are marked and looks for earlier ones a few blocks back only: the system prompt
 * (with the tools before it), where the last request ended, and where this one ends.
 */
function markCache({ modelId, instructions, messages }: ModelRequest): {
  instructions: SystemModelMessage
  messages: ModelMessage[]
} {
  const marked = [...messages]
  if (!modelId.startsWith('anthropic/'))
    return { instructions: { role: 'system', content: instructions }, messages: marked }
  let marks = 2
  for (let index = marked.length - 1; index >= 0 && marks > 0; index -= 1) {
    const message = marked[index]
    if (message === undefined || (message.role !== 'user' && message.role !== 'tool')) continue
    marked[index] = withMark(message)
    marks -= 1
  }
  return { instructions: { role: 'system', content: instructions, providerOptions: EPHEMERAL }, messages: marked }
}

/** Of a tool message only the last result: each mark counts, and there are four. */
function withMark(message: Extract<ModelMessage, { role: 'user' | 'tool' }>): ModelMessage {
  if (message.role === 'user') return { ...message, providerOptions: EPHEMERAL }
  const last = message.content.length - 1
  return {
    ...message,
    content: message.content.map((part, index) =>
      index === last && part.type === 'tool-result' ? { ...part, providerOptions: EPHEMERAL } : part,
    ),
  }
}

/**
 * The wire of one attempt. An answer that breaks off, is aborted or stands still ends for the SDK like any other, and what
 * happened is kept here: given a body that errors, the provider leaves unhandled rejections behind. Waiting for the first
 * byte is not watched, because the tunnel may be down.
 */
function watchLine({ modelFetch, clock, attempt }: ModelClientOptions & { attempt: AbortController }) {
  const ended = new AbortController()
  let broken: ProviderFailure | null = null
  let lastByteMs = 0

  const patrol = async () => {
    for (let idleMs = 0; idleMs < STALL_MS; idleMs = clock.monotonicMs() - lastByteMs) {
      await clock.sleep(STALL_MS - idleMs, ended.signal)
    }
    broken = cutStream(`The answer broke off: nothing came for ${STALL_MS / 1_000} s.`)
    attempt.abort()
  }

  const watchedFetch: typeof fetch = async (input, init) => {
    const response = await modelFetch(input, init)
    if (response.body === null || !response.ok) return response
    lastByteMs = clock.monotonicMs()
    patrol().catch((error) => {
      if (!ended.signal.aborted) attempt.abort(error)
    })
    const reader = response.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          lastByteMs = clock.monotonicMs()
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          const words = error instanceof Error ? wordsOf(error) : String(error)
          broken ??= cutStream(`The answer broke off: ${words}.`, error)
          controller.close()
        }
      },
      // The transport is told by the signal; a body that has failed already has nothing to cancel.
      cancel: () => attempt.abort(),
    })
    const { status, statusText, headers } = response
    return new Response(body, { status, statusText, headers })
  }
  return { fetch: watchedFetch, broken: () => broken, end: () => ended.abort() }
}
