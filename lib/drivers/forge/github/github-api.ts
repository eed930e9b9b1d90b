/**
 * One request to GitHub's REST API: headers, deadline, redirects of renamed repositories, parsing. Must not know what a
 * repository or a pull request is. The token leaves only for the configured origin.
 */
import type { z } from 'zod'
import { BerthError } from '../../../errors.ts'
import { describeRefusal } from './problems.ts'

export interface GitHubApiOptions {
  /** e.g. "https://api.github.com", or "https://ghe.example.com/api/v3" */
  apiUrl: string
  token: string | null
  fetch: typeof fetch
  timeoutMs: number
}

export interface ApiCall<T extends z.ZodType> {
  method?: 'GET' | 'POST' | 'PATCH'
  /** Below the API's base, encoded. */
  path: string
  query?: Record<string, string>
  body?: unknown
  schema: T
  /** For messages. */
  attempt: string
  repository: string
}

export interface GitHubApi {
  /** Throws a BerthError for anything but a success. */
  call<T extends z.ZodType>(call: ApiCall<T>): Promise<z.infer<T>>
  /** As `call`, but null for a 404. */
  find<T extends z.ZodType>(call: ApiCall<T>): Promise<z.infer<T> | null>
}

const API_VERSION = '2022-11-28'
const MAX_REDIRECTS = 3
const REDIRECTS = [301, 302, 307, 308]

export function createGitHubApi(options: GitHubApiOptions): GitHubApi {
  const send = async <T extends z.ZodType>(call: ApiCall<T>, missingIsNull: boolean): Promise<z.infer<T> | null> => {
    const { status, headers, body } = await exchange(options, call)
    if (status === 404 && missingIsNull) return null
    if (status < 200 || status > 299) {
      const { attempt, repository } = call
      throw describeRefusal({ attempt, repository, authenticated: options.token !== null, status, headers, body })
    }
    const parsed = call.schema.safeParse(body)
    if (parsed.success) return parsed.data
    throw new BerthError(
      'upstream_failed',
      `GitHub's answer to ${call.attempt} is not what its API describes. Check GITHUB_API_URL (${options.apiUrl}).`,
      { cause: parsed.error },
    )
  }
  return {
    find: (call) => send(call, true),
    async call(call) {
      const answer = await send(call, false)
      if (answer === null) throw new Error(`${call.attempt}: no answer`)
      return answer
    },
  }
}

interface Answer {
  status: number
  headers: Headers
  /** Parsed JSON, or null. */
  body: unknown
}

async function exchange<T extends z.ZodType>(options: GitHubApiOptions, call: ApiCall<T>): Promise<Answer> {
  const base = new URL(`${options.apiUrl}/`)
  let url = new URL(`${options.apiUrl}${call.path}`)
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value)
  // One deadline for all redirects and the body.
  const signal = AbortSignal.timeout(options.timeoutMs)
  try {
    for (let redirects = 0; ; redirects += 1) {
      const response = await options.fetch(url, { ...requestInit(options, call), signal })
      const location = response.headers.get('location')
      if (!REDIRECTS.includes(response.status) || location === null || redirects === MAX_REDIRECTS) {
        const { status, headers } = response
        return { status, headers, body: parseJson(await response.text()) }
      }
      await response.body?.cancel()
      const next = new URL(location, url)
      if (next.origin !== base.origin) throw redirectedAway(call.attempt, next)
      url = next
    }
  } catch (error) {
    if (error instanceof BerthError) throw error
    throw unreachable(options, call.attempt, error)
  }
}

function requestInit<T extends z.ZodType>(options: GitHubApiOptions, call: ApiCall<T>): RequestInit {
  return {
    method: call.method ?? 'GET',
    // Followed by hand: the method, the body and the token must go with a renamed repository, and nowhere else.
    redirect: 'manual',
    headers: {
      accept: 'application/vnd.github+json',
      'user-agent': 'berth',
      'x-github-api-version': API_VERSION,
      ...(options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // An error page of a proxy, say: the status says enough.
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function redirectedAway(attempt: string, next: URL): BerthError {
  return new BerthError(
    'upstream_failed',
    `GitHub redirected ${attempt} to another host, ${next.origin}: not followed.`,
    {
      hint: 'Check GITHUB_API_URL.',
    },
  )
}

function unreachable(options: GitHubApiOptions, attempt: string, cause: unknown): BerthError {
  const timedOut = cause instanceof Error && cause.name === 'TimeoutError'
  const what = timedOut ? `did not answer within ${options.timeoutMs} ms` : 'could not be reached'
  return new BerthError('upstream_failed', `GitHub (${options.apiUrl}) ${what}: ${attempt}.`, {
    hint: 'Check the network and GITHUB_API_URL, then try again.',
    cause,
  })
}
