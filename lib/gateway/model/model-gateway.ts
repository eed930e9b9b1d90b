/**
 * model.berth: one chat completion of one run. Owns: asking for the grant, adding the key, passing the answer on with
 * back-pressure, settling what it used exactly once. Must not know: budgets and prices (the access port's), the sandbox.
 * The key is in the request to the provider and nowhere else: not in an answer, an error or a log line.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Exchange, ExchangeHandler } from '../exchange.ts'
import { readBody, readRunId, writeChunk } from '../exchange.ts'
import type { ModelAccess, ModelGrant, ModelUsage } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import type { Upstream } from '../upstream.ts'
import { describeFailure, UpstreamError } from '../upstream.ts'
import type { ChatCall } from './chat-body.ts'
import { MAX_MODEL_BODY_BYTES, parseChatBody } from './chat-body.ts'
import { refuseDocument, refuseProviderError } from './provider-error.ts'
import { createRedactor, redact } from './redact.ts'
import { createUsageMeter, NO_USAGE, type UsageMeter } from './usage-meter.ts'

export interface ModelGatewayOptions {
  access: ModelAccess
  upstream: Upstream
  /** Longest silence of a provider, before its first byte and between two. */
  idleTimeoutMs: number
}

const CHAT_PATH = '/api/v1/chat/completions'
/** All that a sandbox sees of a provider's headers. */
const PASSED_HEADERS = ['content-type', 'retry-after', 'x-request-id']
const EVENT_STREAM = 'text/event-stream'
/** Where OpenRouter names the generation before its first byte. */
const GENERATION_HEADER = 'x-generation-id'
/** Of one sandbox: a run has one under way, and each holds its whole body. */
const MAX_CALLS_AT_ONCE = 4

/** What one call used; replaced as more is known, and settled whatever happens. */
interface Outcome {
  usage: ModelUsage
  cut: boolean
}

export function createModelGateway(options: ModelGatewayOptions): ExchangeHandler {
  const underWay = new Map<string, number>()
  return async (exchange) => {
    const { headers, owner } = exchange
    if (headers[':method'] !== 'POST' || headers[':path'] !== CHAT_PATH) {
      throw new Refusal(404, 'not_found', `Only POST ${CHAT_PATH} is served here.`)
    }
    const runId = readRunId(headers)
    const others = underWay.get(owner.agentId) ?? 0
    if (others >= MAX_CALLS_AT_ONCE) {
      throw new Refusal(
        429,
        'rate_limited',
        `${others} model calls of this sandbox are under way: wait for one of them.`,
      )
    }
    underWay.set(owner.agentId, others + 1)
    try {
      await serveCall({ exchange, runId, options })
    } finally {
      const left = (underWay.get(owner.agentId) ?? 1) - 1
      if (left === 0) underWay.delete(owner.agentId)
      else underWay.set(owner.agentId, left)
    }
  }
}

async function serveCall(input: { exchange: Exchange; runId: string; options: ModelGatewayOptions }): Promise<void> {
  const { exchange, runId, options } = input
  const { agentId } = exchange.owner
  const call = parseChatBody(await readBody(exchange, MAX_MODEL_BODY_BYTES))
  const { modelId, promptTokens, maxTokens } = call
  const grant = await options.access.begin({ agentId, runId, modelId, promptTokens, maxTokens })
  const outcome: Outcome = { usage: NO_USAGE, cut: false }
  try {
    await forward({ exchange, call, grant, outcome, options })
  } finally {
    const { modelCallId } = grant
    await options.access.settle({ agentId, runId, modelId, modelCallId, ...outcome })
  }
  // Only now: whoever reads the end of the answer finds its usage stored.
  exchange.stream.end()
}

interface Forwarding {
  exchange: Exchange
  call: ChatCall
  grant: ModelGrant
  outcome: Outcome
  options: ModelGatewayOptions
}

async function forward(forwarding: Forwarding): Promise<void> {
  const { call, grant, outcome } = forwarding
  const response = await sendCall(forwarding)
  const status = response.statusCode ?? 502
  if (status !== 200) throw await refuseProviderError(response, grant)
  if (call.stream && isDocument(response)) {
    const { refusal, usage } = await refuseDocument(response, { grant, promptTokens: call.promptTokens })
    outcome.usage = usage
    throw refusal
  }
  const meter = createUsageMeter({
    contentType: response.headers['content-type'] ?? '',
    generationId: readGenerationId(response.headers),
  })
  try {
    await passAnswer(forwarding, response, meter)
  } catch (error) {
    outcome.cut = true
    throw error instanceof Refusal
      ? error
      : new Refusal(502, 'upstream_failed', `The model provider's answer was cut: ${describeFailure(error)}.`)
  } finally {
    response.destroy()
    outcome.usage = meter.read(call.promptTokens)
  }
}

/** What does not say what it is, or is packed, is looked at as it passes. */
function isDocument({ headers }: IncomingMessage): boolean {
  const { 'content-type': contentType, 'content-encoding': encoding } = headers
  return contentType !== undefined && encoding === undefined && !contentType.startsWith(EVENT_STREAM)
}

async function passAnswer(forwarding: Forwarding, response: IncomingMessage, meter: UsageMeter): Promise<void> {
  const { exchange, grant } = forwarding
  assertPlain(response.headers)
  const redactor = createRedactor(grant.apiKey)
  let noted: Promise<void> | null = null
  exchange.stream.respond({ ':status': 200, ...passHeaders(response.headers, grant.apiKey) })
  for await (const chunk of response) {
    meter.feed(chunk)
    noted ??= noteGeneration(forwarding, meter.generationId())
    await pass(exchange, redactor.feed(chunk))
  }
  await pass(exchange, redactor.end())
  await noted
}

async function pass(exchange: Exchange, chunk: Buffer): Promise<void> {
  if (chunk.length > 0) await writeChunk(exchange, chunk)
}

/** Beside the answer, which does not wait for it: should this process die, its price can be asked for. */
function noteGeneration({ exchange, grant, options }: Forwarding, generationId: string | null): Promise<void> | null {
  if (generationId === null) return null
  return options.access
    .noteGeneration({ modelCallId: grant.modelCallId, generationId })
    .catch((error: unknown) => exchange.logger.warn('the name of a generation could not be kept', { error }))
}

/** What is packed could neither be metered nor searched for the key; nothing packed was asked for. */
function assertPlain(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return
  throw new Refusal(
    502,
    'upstream_failed',
    `The model provider answered in the encoding "${toAsciiLine(encoding).slice(0, 100)}", which Berth did not ask for. Check its base URL and what stands before it.`,
  )
}

async function sendCall({ exchange, call, grant, outcome, options }: Forwarding): Promise<IncomingMessage> {
  const body = Buffer.from(call.build(grant.maxTokens))
  try {
    return await options.upstream.send({
      url: new URL(`${grant.baseUrl}/chat/completions`),
      method: 'POST',
      headers: {
        authorization: `Bearer ${grant.apiKey}`,
        'content-type': 'application/json',
        'content-length': String(body.length),
        accept: call.stream ? EVENT_STREAM : 'application/json',
        'user-agent': 'berth',
      },
      body,
      signal: exchange.signal,
      idleTimeoutMs: options.idleTimeoutMs,
    })
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    if (error.sent) {
      // The prompt has arrived there: it may be worked on and paid for although nobody reads the answer. One that is not streamed
      // is silent for as long as it is worked on.
      const nothing = createUsageMeter({ contentType: EVENT_STREAM, generationId: null })
      outcome.usage = nothing.read(call.promptTokens)
      outcome.cut = exchange.signal.aborted || !call.stream
    }
    exchange.logger.warn('a model provider could not be reached', { error })
    // Told apart for the bridge: whoever waited so long for nothing has less patience left.
    const [status, code] = error.silent ? [504, 'upstream_silent'] : [502, 'upstream_failed']
    throw new Refusal(
      status,
      code,
      `The model provider did not answer: ${error.message}. Check its address and that it is up.`,
    )
  }
}

function readGenerationId(headers: IncomingHttpHeaders): string | null {
  const value = headers[GENERATION_HEADER]
  return typeof value === 'string' ? value : null
}

function passHeaders(headers: IncomingHttpHeaders, apiKey: string): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name of PASSED_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string') passed[name] = redact(toAsciiLine(value), apiKey)
  }
  return passed
}
