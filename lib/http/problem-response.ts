/** Errors as RFC 9457 problem documents. What is not a BerthError leaves as `internal`, its words in the log only. */
import type { z } from 'zod'
import { BerthError, ERROR_STATUS, type ErrorCode, type FieldProblem, isBerthError } from '../errors.ts'
import type { Logger } from '../logger.ts'

const TITLES: Partial<Record<keyof typeof ERROR_STATUS, string>> = {
  unauthenticated: 'Not signed in',
  not_found: 'Not found',
  validation_failed: 'The request is not valid',
  internal: 'An unexpected error',
}

export function problemResponse(error: unknown, logger: Logger): Response {
  const known = isBerthError(error)
    ? error
    : new BerthError('internal', 'Berth met an error it did not expect. The log names it.', {
        hint: 'Try again; if it stays, look at the log of the server.',
      })
  if (isOurs(known.code)) logger.error('a request failed', { error })
  const status = ERROR_STATUS[known.code]
  const body = {
    ...known.details,
    type: 'about:blank',
    title: TITLES[known.code] ?? known.code.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase()),
    status,
    code: known.code,
    detail: known.message,
    ...(known.hint !== undefined && { hint: known.hint }),
    ...(known.fields !== undefined && { fields: known.fields }),
  }
  return Response.json(body, {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}

/** Nothing that the person who asked could mend: whoever runs this finds the reason in the log. */
const isOurs = (code: ErrorCode) => code === 'internal' || code === 'database_unreachable'

/** Every wrong field by name: what was received is in the request, so the words say what is allowed. */
export function validationError(what: string, error: z.ZodError): BerthError {
  const fields: FieldProblem[] = error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.')
    if (isMissing(issue)) return [{ path, message: 'is missing' }]
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
    return issue.keys.map((key) => ({
      path: path === '' ? key : `${path}.${key}`,
      message: 'is not a field of this request',
    }))
  })
  const words = fields.map((field) => (field.path === '' ? field.message : `${field.path}: ${field.message}`))
  return new BerthError('validation_failed', `The ${what} is not valid: ${words.join('; ')}.`, {
    hint: 'Correct the fields named and send it again.',
    fields,
  })
}

/** Zod does not hand over what it got; its words name it. */
function isMissing({ code, message }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type' && message.endsWith('received undefined')
}
