/**
 * A scripted reply on OpenRouter's chat-completions wire: the chunks of a stream, or one body. Shapes as OpenRouter sends
 * them for an Anthropic model and as @openrouter/ai-sdk-provider reads them. Pure: no sockets, no time.
 */
import { createHash } from 'node:crypto'
import type { CatalogueModel } from './catalogue.ts'
import type { ChatBody, Reply, ScriptedUsage } from './script.ts'
import { contentText } from './script.ts'

export const PROCESSING_COMMENT = ': OPENROUTER PROCESSING\n\n'
export const DONE_LINE = 'data: [DONE]\n\n'
export const GARBAGE_LINE = 'data: {"id":"gen-1","choices":[{"del\n\n'

const PROVIDER = 'Scripted'
const NATIVE_FINISH: Record<string, string> = { stop: 'end_turn', tool_calls: 'tool_use', length: 'max_tokens' }

export interface Generation {
  id: string
  model: CatalogueModel
  /** Unix seconds. */
  created: number
}

export interface WireUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  cost?: number
  is_byok: boolean
  prompt_tokens_details: { cached_tokens: number; audio_tokens: number }
  cost_details: { upstream_inference_cost: null }
  completion_tokens_details: { reasoning_tokens: number; image_tokens: number }
}

export function finishOf(reply: Reply): string | null {
  if (reply.finish !== undefined) return reply.finish
  return reply.toolCalls !== undefined && reply.toolCalls.length > 0 ? 'tool_calls' : 'stop'
}

/** Arguments as they cross the wire. */
function argumentsText(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input)
}

const callId = (generation: Generation, index: number) => `toolu_${generation.id.slice(-12)}${index}`

/** The data chunks of a streamed reply, in order, as objects. `fragmentChars` is the length of one piece of text. */
export function streamChunks(input: {
  reply: Reply
  generation: Generation
  usage: WireUsage
  fragmentChars: number
}): unknown[] {
  const { reply, generation, usage, fragmentChars } = input
  const head = {
    id: generation.id,
    provider: PROVIDER,
    model: generation.model.id,
    object: 'chat.completion.chunk',
    created: generation.created,
  }
  const chunk = (delta: Record<string, unknown>, finish: string | null = null) => ({
    ...head,
    choices: [
      {
        index: 0,
        delta: { role: 'assistant', content: '', ...delta },
        finish_reason: finish,
        native_finish_reason: finish === null ? null : (NATIVE_FINISH[finish] ?? finish),
        logprobs: null,
      },
    ],
  })
  const chunks: unknown[] = fragments(reply.reasoning ?? '', fragmentChars).map((piece) =>
    chunk({ reasoning: piece, reasoning_details: [reasoningDetail({ text: piece })] }),
  )
  if (chunks.length > 0) {
    const signature = signatureOf(reply.reasoning ?? '')
    chunks.push(chunk({ reasoning: null, reasoning_details: [reasoningDetail({ signature })] }))
  }
  chunks.push(...fragments(reply.text ?? '', fragmentChars).map((content) => chunk({ content })))
  reply.toolCalls?.forEach((call, index) => {
    const id = call.id ?? callId(generation, index)
    const begin = { id, index, type: 'function', function: { name: call.name, arguments: '' } }
    chunks.push(chunk({ content: null, tool_calls: [begin] }))
    for (const piece of fragments(argumentsText(call.input), fragmentChars * 4)) {
      const more = { index, type: 'function', function: { arguments: piece } }
      chunks.push(chunk({ content: null, tool_calls: [more] }))
    }
  })
  if (reply.midStreamError !== undefined) {
    const error = { code: reply.midStreamError.code, message: reply.midStreamError.message }
    return [...chunks, { ...chunk({}, 'error'), error }]
  }
  const finish = finishOf(reply)
  if (finish !== null) chunks.push(chunk({}, finish), { ...chunk({}), usage })
  return chunks
}

/** The body of a reply that is not streamed. */
export function completionBody(input: { reply: Reply; generation: Generation; usage: WireUsage }): unknown {
  const { reply, generation, usage } = input
  const finish = finishOf(reply)
  const calls = reply.toolCalls?.map((call, index) => ({
    id: call.id ?? callId(generation, index),
    index,
    type: 'function',
    function: { name: call.name, arguments: argumentsText(call.input) },
  }))
  return {
    id: generation.id,
    provider: PROVIDER,
    model: generation.model.id,
    object: 'chat.completion',
    created: generation.created,
    choices: [
      {
        logprobs: null,
        finish_reason: finish,
        native_finish_reason: finish === null ? null : (NATIVE_FINISH[finish] ?? finish),
        index: 0,
        message: {
          role: 'assistant',
          content: reply.text ?? '',
          refusal: null,
          reasoning: reply.reasoning ?? null,
          ...reasoningDetails(reply.reasoning),
          ...(calls === undefined ? {} : { tool_calls: calls }),
        },
      },
    ],
    usage,
  }
}

/** The first has the text, the last the signature without which a provider will not take the reasoning back. */
function reasoningDetail(part: { text?: string; signature?: string }) {
  return { type: 'reasoning.text', ...part, format: 'anthropic-claude-v1', index: 0 }
}

function reasoningDetails(reasoning: string | undefined) {
  if (reasoning === undefined) return {}
  return { reasoning_details: [reasoningDetail({ text: reasoning, signature: signatureOf(reasoning) })] }
}

export function signatureOf(reasoning: string): string {
  return createHash('sha256').update(reasoning).digest('base64')
}

/** Pieces of at most `size` UTF-16 units that never part a surrogate pair. */
function fragments(text: string, size: number): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const character of text) {
    if (piece !== '' && piece.length + character.length > size) {
      pieces.push(piece)
      piece = ''
    }
    piece += character
  }
  return piece === '' ? pieces : [...pieces, piece]
}

/** Four characters a token, priced by the catalogue, where the script does not say otherwise. */
export function countUsage(body: ChatBody, reply: Reply, model: CatalogueModel): WireUsage {
  const given: ScriptedUsage = reply.usage ?? {}
  const said = `${reply.reasoning ?? ''}${reply.text ?? ''}${JSON.stringify(reply.toolCalls ?? '')}`
  const heard = JSON.stringify(body.tools ?? '') + body.messages.map(messageText).join('')
  const prompt = given.promptTokens ?? tokensIn(heard)
  const completion = given.completionTokens ?? tokensIn(said)
  const cached = given.cachedTokens ?? 0
  const priced =
    (prompt - cached) * Number(model.promptPrice) +
    cached * Number(model.cacheReadPrice) +
    completion * Number(model.completionPrice)
  const cost = given.costUsd === undefined ? Number(priced.toFixed(9)) : given.costUsd
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    ...(cost === null ? {} : { cost }),
    is_byok: false,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    cost_details: { upstream_inference_cost: null },
    completion_tokens_details: {
      reasoning_tokens: given.reasoningTokens ?? tokensIn(reply.reasoning ?? ''),
      image_tokens: 0,
    },
  }
}

const messageText = (message: ChatBody['messages'][number]) =>
  contentText(message.content) + JSON.stringify(message.tool_calls ?? '')

const tokensIn = (text: string) => Math.ceil(text.length / 4)
