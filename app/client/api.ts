/**
 * Calls of the JSON API from a page: same origin, the session's cookie.
 * Owns: headers, reading answers, turning refusals into ProblemError. Must not know: what is called or shown.
 */
import { ProblemError, readProblem } from '../model/problem.ts'

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  body?: unknown
  /** The same key for the same intent: a second sending joins the first. */
  idempotencyKey?: string
  signal?: AbortSignal
}

/** The answer's JSON; undefined for 204. Throws ProblemError on a refusal, TypeError where nothing answers. */
export async function callApi<T>(path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  if (options.idempotencyKey !== undefined) headers['Idempotency-Key'] = options.idempotencyKey
  const response = await fetch(path, {
    method: options.method ?? 'GET',
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    ...(options.signal ? { signal: options.signal } : {}),
  })
  const text = await response.text()
  if (!response.ok) throw new ProblemError(readProblem(response.status, parseJson(text)))
  return parseJson(text) as T
}

/** A random key that also works where a page is not served over HTTPS and `crypto.randomUUID` does not exist. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Where a person without a session goes, to come back here afterwards. */
export function goToSignIn(): void {
  const here = `${location.pathname}${location.search}`
  location.assign(`/sign-in?callbackUrl=${encodeURIComponent(here)}`)
}

function parseJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    // A proxy between may answer in HTML: then the status alone speaks.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
