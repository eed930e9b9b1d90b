/**
 * One model call over OpenRouter's wire, to the gateway alone. An answer is whole or it is a failure: nothing of a cut stream
 * comes out of here but its deltas. Owns: the provider and its traps. Must not know: the log, retries, tools' work.
 *
 * Traps of @openrouter/ai-sdk-provider 3.1: a stream without a finish reason ends as `tool-calls` when there were any (the raw
 * reason is missing then); arguments cut off become `{}`; calls that were begun and never completed are dropped in silence.
 */
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { type ModelMessage, streamText, type ToolSet } from 'ai'
import type { Clock } from '../../../lib/clock.ts'
import { MODEL_AUTHORITY, RUN_HEADER } from '../../contract/tunnel.ts'
import { type AnswerDelta, type AnswerPart, collectAnswer, type MessageIds, type ModelAnswer } from './answer.ts'
import { markCache } from './cache-marks.ts'
import type { FirstAnswer } from './first-answer.ts'
import { toProviderFailure } from './provider-failure.ts'
import { type ModelFetch, watchLine } from './watch-line.ts'

export interface ModelRequest {
  runId: string
  modelId: string
  maxOutputTokens: number | null
  instructions: string
  messages: readonly ModelMessage[]
  tools: ToolSet
}

export interface ModelClient {
  /**
   * Throws ProviderFailure; when `signal` is aborted, its reason, at once, whatever the transport does.
   * `messageIds` are those under which the deltas go out.
   */
  ask(request: ModelRequest, options: AskOptions): Promise<ModelAnswer>
}

export interface AskOptions {
  messageIds: MessageIds
  signal: AbortSignal
  onDelta: (delta: AnswerDelta) => void
  /** Of the run. */
  firstAnswer: FirstAnswer
}

export interface ModelClientOptions {
  modelFetch: ModelFetch
  clock: Clock
}

// The provider prints to the console otherwise, once for every reasoning it leaves out.
globalThis.AI_SDK_LOG_WARNINGS = false

export function createModelClient({ modelFetch, clock }: ModelClientOptions): ModelClient {
  return {
    async ask(request, { messageIds, signal, onDelta, firstAnswer }) {
      signal.throwIfAborted()
      const attempt = new AbortController()
      const abort = () => attempt.abort()
      signal.addEventListener('abort', abort, { once: true })
      const line = watchLine({ modelFetch, clock, attempt, firstAnswer })
      const answer = collectAnswer(messageIds, onDelta)
      try {
        const stream = openStream(request, line.fetch, attempt.signal)
        await Promise.race([readAll(stream, answer.take), rejectOnAbort(attempt.signal)])
        if (line.broken()) throw line.broken()
        return answer.finish()
      } catch (error) {
        // What failed half-way is still open on the wire.
        attempt.abort()
        signal.throwIfAborted()
        throw toProviderFailure(line.broken() ?? error, clock.now().getTime())
      } finally {
        signal.removeEventListener('abort', abort)
        line.end()
      }
    },
  }
}

function openStream(
  request: ModelRequest,
  fetchModel: typeof fetch,
  abortSignal: AbortSignal,
): AsyncIterable<AnswerPart> {
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
    // Nobody listens; the SDK would still go through every tool and message for what must not be told.
    telemetry: { isEnabled: false },
    abortSignal,
    // Errors come as parts of the stream; the default prints whole prompts.
    onError: () => {},
  }).stream
}

async function readAll(stream: AsyncIterable<AnswerPart>, take: (part: AnswerPart) => void): Promise<void> {
  for await (const part of stream) take(part)
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
