/**
 * What the API answers when it refuses (RFC 9457), as the pages show it.
 * Owns: reading a problem document, and words for failures that have none. Must not know: fetch, React.
 */

export interface FieldProblem {
  path: string
  message: string
}

export interface Problem {
  status: number
  code: string
  title: string
  detail: string
  hint: string | null
  fields: FieldProblem[]
}

/** Thrown by the API client for every answer that is not a success. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail || problem.title)
    this.name = 'ProblemError'
    this.problem = problem
  }
}

/** `body` is the parsed answer, or undefined where it was no JSON. */
export function readProblem(status: number, body: unknown): Problem {
  const record = isRecord(body) ? body : {}
  return {
    status,
    code: stringOr(record.code, `http_${status}`),
    title: stringOr(record.title, `The server answered ${status}`),
    detail: stringOr(record.detail, ''),
    hint: typeof record.hint === 'string' ? record.hint : null,
    fields: Array.isArray(record.fields) ? record.fields.flatMap(readField) : [],
  }
}

/** Any error of a call, in words: the problem it carries, or that the server could not be reached. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  return {
    status: 0,
    code: 'unreachable',
    title: 'Berth does not answer',
    detail: 'The request did not reach the server or the connection broke. What is shown here stays readable.',
    hint: 'Check that the server runs, then try again.',
    fields: [],
  }
}

/** A form that was not sent, because these of its fields cannot be read. */
export function unreadable(fields: FieldProblem[]): Problem {
  return { status: 0, code: 'validation_failed', title: 'The form cannot be read', detail: '', hint: null, fields }
}

/** The message for one field; a path below it (`limits.maxSteps.0`) counts as the field's own. */
export function findFieldMessage(problem: Problem | null, path: string): string | null {
  const found = problem?.fields.find((field) => field.path === path || field.path.startsWith(`${path}.`))
  return found?.message ?? null
}

function readField(value: unknown): FieldProblem[] {
  if (!isRecord(value) || typeof value.message !== 'string') return []
  const path = Array.isArray(value.path) ? value.path.join('.') : stringOr(value.path, '')
  return [{ path, message: value.message }]
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
