/**
 * A chat completion request, rebuilt from the fields that are known: what a sandbox sends is never forwarded as it came. Owns:
 * the list of what may pass (the OpenAI wire format with OpenRouter's additions). Must not know: budgets, keys, connections.
 *
 * Fields that would widen what a call does (other models, server-side tools, web access) are refused by name, so that a
 * person learns of it; other unknown fields are dropped.
 */
import { z } from 'zod'
import { Refusal } from '../refusal.ts'
import { estimateTokens, IMAGE_TOKENS } from './token-estimate.ts'

export const MAX_MODEL_BODY_BYTES = 16 * 1024 * 1024

export interface ChatCall {
  modelId: string
  stream: boolean
  /** What the sandbox asked for; null when it left that open. */
  maxTokens: number | null
  /** An estimate, rather too high than too low. */
  promptTokens: number
  /** The body to forward, with `max_tokens` at most `limit`. */
  build(limit: number | null): string
}

const REFUSED_FIELDS: Record<string, string> = {
  models: 'a list of models is not served: name one in `model`',
  route: 'routing between models is not served: name one in `model`',
  preset: 'presets are not served: send the fields themselves',
  provider: "the choice of providers is not a sandbox's: leave `provider` out",
  plugins: 'plugins are not served: tools run in the sandbox',
  web_search_options: 'web search is not served through the model',
  transforms: 'transforms are not served: shorten the conversation in the sandbox',
}

const text = z.string()
const cacheControl = z.object({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).optional()
const dataUrl = z
  .string()
  .regex(/^data:[\w.+-]+\/[\w.+-]+(;[\w.+=-]+)*,/, 'must be a data: URL: nothing is fetched for a model')

const textPart = z.object({ type: z.literal('text'), text, cache_control: cacheControl })
const contentPart = z.discriminatedUnion('type', [
  textPart,
  z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: dataUrl, detail: z.enum(['auto', 'low', 'high']).optional() }),
    cache_control: cacheControl,
  }),
  z.object({
    type: z.literal('file'),
    file: z.object({ filename: text.optional(), file_data: dataUrl }),
    cache_control: cacheControl,
  }),
])
const content = z.union([text, z.array(contentPart)])

const toolCall = z.object({
  id: text,
  type: z.literal('function'),
  function: z.object({ name: text, arguments: text }),
})

/** Signed by the provider: what it sent is replayed as it came. */
const reasoningDetail = z.object({
  type: z.enum(['reasoning.text', 'reasoning.summary', 'reasoning.encrypted']),
  id: text.nullish(),
  format: text.nullish(),
  index: z.number().optional(),
  text: text.nullish(),
  signature: text.nullish(),
  summary: text.nullish(),
  data: text.nullish(),
})

const message = z.discriminatedUnion('role', [
  z.object({
    role: z.enum(['system', 'developer']),
    content: z.union([text, z.array(textPart)]),
    name: text.optional(),
    cache_control: cacheControl,
  }),
  z.object({ role: z.literal('user'), content, name: text.optional(), cache_control: cacheControl }),
  z.object({
    role: z.literal('assistant'),
    content: content.nullish(),
    name: text.optional(),
    tool_calls: z.array(toolCall).optional(),
    refusal: text.nullish(),
    reasoning: text.nullish(),
    reasoning_content: text.nullish(),
    reasoning_details: z.array(reasoningDetail).optional(),
    cache_control: cacheControl,
  }),
  z.object({
    role: z.literal('tool'),
    tool_call_id: text,
    content,
    name: text.optional(),
    cache_control: cacheControl,
  }),
])

const tool = z.object({
  type: z.literal('function', 'only tools of type "function" are served: they run in the sandbox'),
  function: z.object({
    name: text,
    description: text.optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().nullish(),
  }),
  eager_input_streaming: z.boolean().optional(),
  cache_control: cacheControl,
})

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: text,
      description: text.optional(),
      schema: z.record(z.string(), z.unknown()).optional(),
      strict: z.boolean().nullish(),
    }),
  }),
])

const effort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
const tokens = z.number().int().positive()

const chatBody = z.object({
  model: z
    .string()
    .regex(/^[\w.:/@+-]{1,200}$/, 'must be one model id')
    .refine((id) => !id.split(':').slice(1).includes('online'), 'must not ask for web access (`:online`)')
    .refine((id) => !id.includes('@preset'), 'must be one model id, not a preset'),
  messages: z.array(message).min(1),
  tools: z.array(tool).optional(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.object({ type: z.literal('function'), function: z.object({ name: text }) }),
    ])
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  max_tokens: tokens.nullish(),
  max_completion_tokens: tokens.nullish(),
  n: z.literal(1, 'one answer a call is served').optional(),
  stream: z.boolean().nullish(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  top_k: z.number().optional(),
  top_a: z.number().optional(),
  min_p: z.number().optional(),
  frequency_penalty: z.number().optional(),
  presence_penalty: z.number().optional(),
  repetition_penalty: z.number().optional(),
  seed: z.number().int().optional(),
  stop: z.union([text, z.array(text)]).nullish(),
  logit_bias: z.record(z.string(), z.number()).optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.number().int().optional(),
  response_format: responseFormat.optional(),
  reasoning: z
    .object({
      enabled: z.boolean().optional(),
      effort: effort.optional(),
      max_tokens: z.number().int().nonnegative().optional(),
      exclude: z.boolean().optional(),
      summary: z.enum(['auto', 'concise', 'detailed']).optional(),
    })
    .optional(),
  reasoning_effort: effort.optional(),
  include_reasoning: z.boolean().optional(),
  verbosity: z.enum(['low', 'medium', 'high']).optional(),
  cache_control: cacheControl,
})

/**
 * Reads and checks a body. Throws a Refusal (400 not JSON, 422 `validation_failed` or `model_forbidden` with the field's name).
 * Usage is always asked for, whatever the body says, and what names a person (`user`, `metadata`) is left out.
 */
export function parseChatBody(body: Buffer): ChatCall {
  const raw = parseJson(body)
  refuseByName(raw)
  const parsed = chatBody.safeParse(raw)
  if (!parsed.success) throw new Refusal(422, 'validation_failed', describeIssues(parsed.error))
  const { max_tokens, max_completion_tokens, n: _one, stream, messages, tools, ...rest } = parsed.data
  const maxTokens = minimum([max_tokens, max_completion_tokens])
  const streaming = stream === true
  // Written once, for the estimate and for the body: the conversation is the one part that is large.
  const prompt = `"messages":${stringify(messages)}${tools === undefined ? '' : `,"tools":${stringify(tools)}`}`
  return {
    modelId: rest.model,
    stream: streaming,
    maxTokens,
    promptTokens: estimatePrompt(prompt, messages),
    build: (limit) => {
      const bound = minimum([maxTokens, limit])
      const settings = stringify({
        ...rest,
        ...(bound === null ? {} : { max_tokens: bound }),
        stream: streaming,
        ...(streaming ? { stream_options: { include_usage: true } } : {}),
        usage: { include: true },
      })
      return `${settings.slice(0, -1)},${prompt}}`
    },
  }
}

function parseJson(body: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Refusal(400, 'validation_failed', 'The body is not JSON.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Refusal(422, 'validation_failed', 'The body must be a JSON object.')
}

function refuseByName(raw: Record<string, unknown>): void {
  for (const [field, why] of Object.entries(REFUSED_FIELDS)) {
    const value = raw[field]
    if (value === undefined || value === null) continue
    throw new Refusal(422, 'model_forbidden', `The field \`${field}\` is refused: ${why}.`)
  }
}

function describeIssues(error: z.ZodError): string {
  const shown = error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`)
  return `The request to the model is not of the form that is served. ${shown.join('; ')}`
}

/** `prompt` with everything that the model reads. An image counts by itself, not by the length of its URL. */
function estimatePrompt(prompt: string, messages: z.infer<typeof message>[]): number {
  let bytes = Buffer.byteLength(prompt)
  let images = 0
  for (const { content: parts } of messages) {
    if (!Array.isArray(parts)) continue
    for (const part of parts) {
      if (part.type !== 'image_url') continue
      images += 1
      bytes -= Buffer.byteLength(part.image_url.url)
    }
  }
  return estimateTokens(bytes) + images * IMAGE_TOKENS
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    // The stack is used up: a tool's schema is the one place where any depth may come.
    if (!(error instanceof RangeError)) throw error
    throw new Refusal(422, 'validation_failed', 'The body is nested too deeply: make the schema of its tools flatter.')
  }
}

function minimum(values: (number | null | undefined)[]): number | null {
  const given = values.filter((value) => value !== null && value !== undefined)
  return given.length === 0 ? null : Math.min(...given)
}
