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
import { refuseProviderError } from './provider-error.ts'
import { createUsageMeter, NO_USAGE } from './usage-meter.ts'

export interface ModelGatewayOptions {
  access: ModelAccess
  upstream: Upstream
  /** Longest silence of a provider, before its first byte and between two. */
  idleTimeoutMs: number
}

const CHAT_PATH = '/api/v1/chat/completions'
/** All that a sandbox sees of a provider's headers. */
const PASSED_HEADERS = ['content-type', 'retry-after', 'x-request-id']

/** What one call used; replaced as more is known, and settled whatever happens. */
interface Outcome {
  usage: ModelUsage
}

export function createModelGateway(options: ModelGatewayOptions): ExchangeHandler {
  return async (exchange) => {
    const { headers, owner } = exchange
    if (headers[':method'] !== 'POST' || headers[':path'] !== CHAT_PATH) {
      throw new Refusal(404, 'not_found', `Only POST ${CHAT_PATH} is served here.`)
    }
    const runId = readRunId(headers)
    const body = await readBody(exchange, MAX_MODEL_BODY_BYTES)
    const call = parseChatBody(body)
    const { modelId, maxTokens } = call
    const grant = await options.access.begin({
      agentId: owner.agentId,
      runId,
      modelId,
      requestBytes: body.length,
      maxTokens,
    })
    const outcome: Outcome = { usage: NO_USAGE }
    try {
      await forward({ exchange, call, grant, outcome, options })
    } finally {
      const { modelCallId } = grant
      await options.access.settle({ agentId: owner.agentId, runId, modelId, modelCallId, usage: outcome.usage })
    }
    // Only now: whoever reads the end of the answer finds its usage stored.
    exchange.stream.end()
  }
}

interface Forwarding {
  exchange: Exchange
  call: ChatCall
  grant: ModelGrant
  outcome: Outcome
  options: ModelGatewayOptions
}

async function forward({ exchange, call, grant, outcome, options }: Forwarding): Promise<void> {
  const response = await sendCall({ exchange, call, grant, outcome, options })
  const status = response.statusCode ?? 502
  if (status !== 200) throw await refuseProviderError(response, grant)
  const meter = createUsageMeter(response.headers['content-type'] ?? '')
  try {
    exchange.stream.respond({ ':status': status, ...passHeaders(response.headers) })
    for await (const chunk of response) {
      meter.feed(chunk)
      await writeChunk(exchange, chunk)
    }
  } catch (error) {
    throw new Refusal(502, 'upstream_failed', `The model provider's answer was cut: ${describeFailure(error)}.`)
  } finally {
    response.destroy()
    outcome.usage = meter.read(call.promptCharacters)
  }
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
        accept: call.stream ? 'text/event-stream' : 'application/json',
        'user-agent': 'berth',
      },
      body,
      signal: exchange.signal,
      idleTimeoutMs: options.idleTimeoutMs,
    })
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    // The prompt has arrived there: it may be worked on and paid for although nobody reads the answer.
    if (error.sent) outcome.usage = createUsageMeter('text/event-stream').read(call.promptCharacters)
    exchange.logger.warn('a model provider could not be reached', { error })
    throw new Refusal(
      502,
      'upstream_failed',
      `The model provider did not answer: ${error.message}. Check its address and that it is up, then send the message again.`,
    )
  }
}

function passHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name of PASSED_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string') passed[name] = toAsciiLine(value)
  }
  return passed
}
