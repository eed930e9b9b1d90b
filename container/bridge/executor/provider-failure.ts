/**
 * What went wrong with a model call, and whether asking again can help. Decided by status and code, never by words. Owns: the
 * division into retry and fatal. Must not know: how often, how long.
 */
import { APICallError } from 'ai'
import type { DoneReason } from '../../contract/events.ts'

export interface FailureFacts {
  message: string
  /** HTTP status, or that of an error inside a stream; null when the answer was cut. */
  status: number | null
  /** `error.code` of the answer when it is a word: the gateway's. */
  code: string | null
  /** What the code is about, where that has a name: the gateway's limit, say. */
  param: string | null
  retryAfterMs: number | null
  /** Nothing came for as long as anybody waits: that was waiting too. */
  silent?: boolean
}

/** The model call failed; `retryable` when the same call may work later. */
export class ProviderFailure extends Error {
  readonly status: number | null
  readonly code: string | null
  readonly param: string | null
  readonly retryAfterMs: number | null
  readonly silent: boolean
  readonly retryable: boolean
  /** Why it is not asked again although that may help; null while it is. */
  givenUp: string | null = null
  constructor(facts: FailureFacts, cause?: unknown) {
    super(facts.message, cause === undefined ? undefined : { cause })
    this.name = 'ProviderFailure'
    this.status = facts.status
    this.code = facts.code
    this.param = facts.param
    this.retryAfterMs = facts.retryAfterMs
    this.silent = facts.silent ?? facts.code === SILENT_CODE
    this.retryable = isRetryable(facts)
  }
}

/** The gateway's word for a provider that did not even begin to answer. */
const SILENT_CODE = 'upstream_silent'
/** A page of an error, say, is not told whole. */
const MAX_MESSAGE_CHARACTERS = 700

/** The gateway's words for what another try cannot mend, whatever the status they come with. */
const FATAL_CODES: Record<string, { reason: DoneReason; cure: string }> = {
  budget_exhausted: {
    reason: 'cost_budget',
    cure: 'Raise that limit of the agent, then resume it.',
  },
  // These four say themselves which key it is and where it is set: the gateway knows.
  credit_exhausted: { reason: 'provider_error', cure: 'Then resume the agent.' },
  model_key_missing: { reason: 'provider_error', cure: 'Then resume the agent.' },
  model_key_rejected: { reason: 'provider_error', cure: 'Then resume the agent.' },
  model_forbidden: { reason: 'provider_error', cure: 'Then resume the agent.' },
  model_unknown: { reason: 'provider_error', cure: 'Choose a model that the provider knows, then resume the agent.' },
  state_conflict: { reason: 'provider_error', cure: 'Resume the agent to begin a new run.' },
  forbidden: { reason: 'provider_error', cure: 'Resume the agent to begin a new run.' },
  payload_too_large: {
    reason: 'provider_error',
    cure: 'The conversation has grown too long: begin a new agent for the rest.',
  },
  validation_failed: { reason: 'provider_error', cure: 'See the bridge log for the request that was refused.' },
}

const CURES: Record<number, string> = {
  400: 'The provider does not take the request; the conversation may be longer than the model allows. Choose another model, or begin a new agent for the rest.',
  401: 'The key in OPENROUTER_API_KEY is not accepted: set another one in .env and start Berth again, then resume the agent.',
  402: 'The credit of the key in OPENROUTER_API_KEY is used up: add some, or set another key in .env and start Berth again, then resume the agent.',
  403: 'The key in OPENROUTER_API_KEY may not use this model, or not for this request: choose another model, or set another key in .env and start Berth again, then resume the agent.',
  404: 'The provider does not know this model: choose another one, then resume the agent.',
  413: 'The conversation has grown too long: begin a new agent for the rest.',
}

function isRetryable({ status, code }: FailureFacts): boolean {
  if (code !== null && code in FATAL_CODES) return false
  return status === null || status === 408 || status === 409 || status === 429 || status >= 500
}

/** How a run ends that this failure ended: the reason, what was received, what to do. */
export function describeEnding(failure: ProviderFailure): { reason: DoneReason; message: string } {
  const known = failure.code === null ? undefined : FATAL_CODES[failure.code]
  const cure = known?.cure ?? CURES[failure.status ?? 0] ?? 'Resume the agent when the provider works again.'
  const reason = failure.param === 'limits.maxTokens' ? 'token_budget' : (known?.reason ?? 'provider_error')
  return {
    reason,
    message: [describeFailure(failure), failure.givenUp, cure].filter((part) => part !== null).join(' '),
  }
}

export function describeFailure(failure: ProviderFailure): string {
  const { message } = failure
  const cut = message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message
  const words = /[.!?…]$/.test(cut) ? cut : `${cut}.`
  // With a code they are the gateway's, which names the provider and its status where there is one.
  return failure.status === null || failure.code !== null
    ? words
    : `The model provider answered ${failure.status}: ${words}`
}

/** A stream that ended without saying so, or in words of its own. */
export function cutStream(message: string, cause?: unknown): ProviderFailure {
  return new ProviderFailure({ ...CUT, message }, cause)
}

/** A stream that was given up because nothing came any more. */
export function silentStream(message: string): ProviderFailure {
  return new ProviderFailure({ ...CUT, message, silent: true })
}

const CUT = { status: null, code: null, param: null, retryAfterMs: null }

/** Any error of the SDK, the transport or an error part of a stream. `nowMs` dates a Retry-After that names a time. */
export function toProviderFailure(error: unknown, nowMs: number): ProviderFailure {
  if (error instanceof ProviderFailure) return error
  const failed = APICallError.isInstance(error) ? error : null
  // A 200 whose stream broke: its status says nothing about the failure.
  const status = failed?.statusCode !== undefined && failed.statusCode >= 400 ? failed.statusCode : streamStatus(error)
  const message = error instanceof Error ? wordsOf(error) : JSON.stringify(error)
  if (status === null && failed === null && !(error instanceof Error)) {
    return cutStream(`The answer broke off with an error: ${message}`, error)
  }
  return new ProviderFailure(
    {
      message: status === null ? `The answer broke off: ${message}` : message || `HTTP ${status}`,
      status,
      code: errorCode(failed?.data ?? dataOf(error)),
      param: errorParam(failed?.data ?? dataOf(error)),
      retryAfterMs: readRetryAfter(failed?.responseHeaders ?? {}, nowMs),
    },
    error,
  )
}

function streamStatus(error: unknown): number | null {
  const status = Number(fieldOf(error, 'statusCode') ?? fieldOf(error, 'code'))
  return status >= 400 && status < 600 ? status : null
}

function dataOf(error: unknown): unknown {
  return fieldOf(error, 'data')
}

/** `{error: {code}}`, or `{code}` as the parts of a stream have it. */
function errorCode(data: unknown): string | null {
  const code = fieldOf(fieldOf(data, 'error') ?? data, 'code')
  return typeof code === 'string' && !/^\d+$/.test(code) ? code : null
}

function errorParam(data: unknown): string | null {
  const param = fieldOf(fieldOf(data, 'error') ?? data, 'param')
  return typeof param === 'string' ? param : null
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** The messages of an error and its causes, outermost first. */
export function wordsOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${wordsOf(error.cause)}` : error.message
}

/** RFC 9110 10.2.3: seconds or a date. */
function readRetryAfter(headers: Record<string, string>, nowMs: number): number | null {
  const value = headers['retry-after']
  if (value === undefined) return null
  const ms = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) * 1_000 : Date.parse(value) - nowMs
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}
