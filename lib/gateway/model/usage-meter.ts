/**
 * Reads usage out of an answer as it passes: server-sent events or one JSON document, in the OpenAI wire format with
 * OpenRouter's `usage.cost`. Owns: what was used, or an estimate when the answer was cut. Must not know: connections, storage.
 */
import { createParser } from 'eventsource-parser'
import { z } from 'zod'
import type { ModelUsage } from '../ports.ts'
import { estimateTokens } from './token-estimate.ts'

export interface UsageMeter {
  feed(chunk: Buffer): void
  /** The provider's name for this generation, as soon as it was heard. */
  generationId(): string | null
  /** Call once, after the last chunk. `promptTokens` serves the estimate where the provider's figure never came. */
  read(promptTokens: number): ModelUsage
}

const MAX_BUFFERED_CHARACTERS = 32 * 1024 * 1024

const count = z.number().nonnegative().transform(Math.round).nullish()
const usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }).nullish(),
  completion_tokens_details: z.object({ reasoning_tokens: count }).nullish(),
  cost: z.number().nonnegative().nullish(),
})
const piece = z
  .object({
    content: z.string().nullish(),
    reasoning: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    tool_calls: z
      .array(
        z.object({ function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish() }),
      )
      .nullish(),
  })
  .nullish()
const document = z.object({
  id: z.string().nullish(),
  usage: usage.nullish().catch(null),
  choices: z
    .array(z.object({ delta: piece, message: piece }))
    .nullish()
    .catch(null),
})

type Seen = { usage: z.infer<typeof usage> | null; generationId: string | null; outputBytes: number }

/** Of the answer's head. */
export interface AnswerHead {
  /** Decides how it is read: `text/event-stream`, or one JSON document. */
  contentType: string
  /** OpenRouter names the generation here before anything else. */
  generationId: string | null
}

export function createUsageMeter(head: AnswerHead): UsageMeter {
  const seen: Seen = { usage: null, generationId: null, outputBytes: 0 }
  if (head.generationId !== null) noteGeneration(seen, head.generationId)
  const decoder = new TextDecoder()
  const streaming = head.contentType.startsWith('text/event-stream')
  let buffered = ''
  const parser = createParser({ onEvent: (event) => observe(seen, event.data), maxBufferSize: MAX_BUFFERED_CHARACTERS })
  return {
    feed: (chunk) => {
      const text = decoder.decode(chunk, { stream: true })
      if (streaming) parser.feed(text)
      else if (buffered.length < MAX_BUFFERED_CHARACTERS) buffered += text
    },
    generationId: () => seen.generationId,
    read: (promptTokens) => {
      if (!streaming) observe(seen, buffered)
      return summarise(seen, promptTokens)
    },
  }
}

/** What is settled when the provider did nothing: it refused, or was never reached. */
export const NO_USAGE: ModelUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  costUsd: 0,
  generationId: null,
  complete: true,
}

function observe(seen: Seen, data: string): void {
  const parsed = document.safeParse(parseJsonOrNull(data))
  if (!parsed.success) return
  const { id, choices } = parsed.data
  if (id) noteGeneration(seen, id)
  if (parsed.data.usage) seen.usage = parsed.data.usage
  for (const choice of choices ?? []) seen.outputBytes += countBytes(choice.delta) + countBytes(choice.message)
}

/** The first that was heard stays. */
function noteGeneration(seen: Seen, id: string): void {
  seen.generationId ??= /^[\w.:-]{1,200}$/.test(id) ? id : null
}

function countBytes(part: z.infer<typeof piece>): number {
  if (!part) return 0
  const calls = (part.tool_calls ?? []).map((call) => `${call.function?.name ?? ''}${call.function?.arguments ?? ''}`)
  return Buffer.byteLength([part.content, part.reasoning ?? part.reasoning_content, ...calls].join(''))
}

function summarise(seen: Seen, promptTokens: number): ModelUsage {
  if (seen.usage === null) {
    return {
      ...NO_USAGE,
      inputTokens: promptTokens,
      outputTokens: estimateTokens(seen.outputBytes),
      costUsd: null,
      generationId: seen.generationId,
      complete: false,
    }
  }
  return {
    inputTokens: seen.usage.prompt_tokens ?? 0,
    outputTokens: seen.usage.completion_tokens ?? 0,
    cachedInputTokens: seen.usage.prompt_tokens_details?.cached_tokens ?? 0,
    reasoningTokens: seen.usage.completion_tokens_details?.reasoning_tokens ?? 0,
    costUsd: seen.usage.cost ?? null,
    generationId: seen.generationId,
    complete: true,
  }
}

/** `[DONE]`, and half a document when the answer was cut, are not JSON. */
function parseJsonOrNull(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
