/**
 * Every error that may reach a person: a stable `code`, words that say what was tried, received and allowed, and what to do
 * next. Anything else that is thrown is a defect and leaves as `internal`, its message in the log only.
 */

/** The codes of the public API and the HTTP status each answers with (RFC 9457). A new one is added to the contract first. */
export const ERROR_STATUS = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  validation_failed: 422,
  idempotency_conflict: 409,
  state_conflict: 409,
  run_in_progress: 409,
  branch_in_use: 409,
  repository_not_found: 422,
  repository_forbidden: 422,
  branch_not_found: 422,
  target_is_source: 422,
  target_exists: 409,
  empty_repository: 422,
  model_unknown: 422,
  model_forbidden: 403,
  model_key_missing: 409,
  model_key_rejected: 502,
  credit_exhausted: 402,
  budget_exhausted: 402,
  engine_unreachable: 503,
  database_unreachable: 503,
  image_missing: 503,
  start_failed: 502,
  sandbox_lost: 502,
  disk_full: 507,
  payload_too_large: 413,
  rate_limited: 429,
  not_built_yet: 501,
  upstream_failed: 502,
  internal: 500,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code)
}

/** What only the control plane can know, and decides by. */
const OWN_CODES: readonly ErrorCode[] = [
  'unauthenticated',
  'engine_unreachable',
  'image_missing',
  'database_unreachable',
]

/** The code that a sandbox says, where it is one that a sandbox may say; else `otherwise`. */
export function codeOfSandbox(code: string, otherwise: ErrorCode): ErrorCode {
  return isErrorCode(code) && !OWN_CODES.includes(code) ? code : otherwise
}

/** One wrong field of a request: where, and what is wrong in words. */
export interface FieldProblem {
  path: string
  message: string
}

export interface BerthErrorOptions {
  /** What the person can do next. */
  hint?: string
  fields?: FieldProblem[]
  /** Further members of the problem document, e.g. `{ agentStatus: 'RUNNING', allowed: ['chat'] }`; the standard ones stand above them. */
  details?: Record<string, unknown>
  cause?: unknown
}

// The server and the bundled routes are separate module graphs: `instanceof` fails between them, a registered symbol does not.
const brand = Symbol.for('berth.error')

export class BerthError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly fields: FieldProblem[] | undefined
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: BerthErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'BerthError'
    this.code = code
    this.hint = options.hint
    this.fields = options.fields
    this.details = options.details
    Object.defineProperty(this, brand, { value: true })
  }
}

/** True for a BerthError of any module graph. */
export function isBerthError(error: unknown): error is BerthError {
  return typeof error === 'object' && error !== null && brand in error
}

/** A write of a control plane that does not hold the agent any more: nothing of it was stored. */
export function leaseLost(agentId: string): BerthError {
  return new BerthError('state_conflict', `Another control plane has taken over agent ${agentId}.`, {
    hint: 'Nothing was stored; it goes on there.',
    details: { leaseLost: true },
  })
}

export function isLeaseLost(error: unknown): boolean {
  return isBerthError(error) && error.details?.leaseLost === true
}

/** Nothing can be read or written for now: what waits for the database tries again. */
export function isDatabaseAway(error: unknown): boolean {
  return isBerthError(error) && error.code === 'database_unreachable'
}
