/**
 * What a refusal of GitHub means for a person: status, headers and body in, a BerthError out. Told apart by status and
 * headers, never by the words of a message. A token is never part of what is said.
 */
import { BerthError } from '../../../errors.ts'
import { problemAnswer } from './schemas.ts'

export interface RefusedRequest {
  /** What was tried, e.g. "reading the repository acme/widgets". */
  attempt: string
  repository: string
  authenticated: boolean
  status: number
  headers: Headers
  body: unknown
}

/** The error for any answer that is not a success. */
export function describeRefusal(refused: RefusedRequest): BerthError {
  const { attempt, status } = refused
  const said = wordsOf(refused.body)
  const answered = `GitHub answered ${status}${said === null ? '' : ` (${said})`} to ${attempt}`
  const waitSeconds = rateLimitSeconds(refused)
  if (waitSeconds !== null) {
    return new BerthError('rate_limited', `${answered}: its rate limit is used up.`, {
      hint: refused.authenticated
        ? `Try again in ${waitSeconds} s.`
        : `Try again in ${waitSeconds} s, or set a GitHub token, which has a higher limit.`,
      details: { retryAfterSeconds: waitSeconds },
    })
  }
  if (status === 404) return describeMissing(refused)
  if (status === 401 || status === 403 || status === 451) return describeForbidden(refused, answered)
  if (status === 410 || status === 422) return new BerthError('validation_failed', `${answered}.`)
  return new BerthError('upstream_failed', `${answered}.`, {
    hint: status >= 500 ? 'GitHub has trouble; try again later.' : 'Check GITHUB_API_URL.',
  })
}

function describeMissing({ repository, authenticated, attempt }: RefusedRequest): BerthError {
  const tried = authenticated ? 'tried with the configured token' : 'tried without a token'
  return new BerthError(
    'repository_not_found',
    `GitHub knows no repository ${repository} (${tried}; the answer to ${attempt} was 404).`,
    {
      hint: authenticated
        ? 'Check the spelling. GitHub also says so where the token may not see the repository: a classic token needs the scope "repo", a fine-grained one must name the repository.'
        : 'Check the spelling. A private repository needs a GitHub token: set GITHUB_TOKEN in .env and start Berth again.',
    },
  )
}

function describeForbidden(refused: RefusedRequest, answered: string): BerthError {
  const { status, headers, authenticated, repository } = refused
  const sso = /url=([^;\s]+)/.exec(headers.get('x-github-sso') ?? '')?.[1]
  if (sso !== undefined) {
    return new BerthError('repository_forbidden', `${answered}: the organisation asks for single sign-on.`, {
      hint: `Authorise the token for the organisation at ${sso}`,
      details: { authorizeUrl: sso },
    })
  }
  if (status === 401) {
    return new BerthError('repository_forbidden', `${answered}.`, {
      hint: authenticated
        ? 'The configured token is wrong, expired or revoked: set a new one.'
        : 'This needs a GitHub token: set GITHUB_TOKEN in .env and start Berth again.',
    })
  }
  const needed = headers.get('x-accepted-github-permissions') ?? headers.get('x-accepted-oauth-scopes')
  return new BerthError('repository_forbidden', `${answered}.`, {
    hint: `The token may not do this on ${repository}. It needs ${needed || 'contents and pull requests, read and write'}.`,
  })
}

/**
 * Seconds to wait when a limit was hit, else null: `Retry-After` for the secondary limits, `x-ratelimit-remaining: 0` and
 * the time of reset for the primary one; both come with 403 or 429.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function rateLimitSeconds({ status, headers }: RefusedRequest): number | null {
  if (status !== 403 && status !== 429) return null
  const retryAfter = headers.get('retry-after')
  if (retryAfter !== null && /^\d+$/.test(retryAfter)) return Number(retryAfter)
  if (headers.get('x-ratelimit-remaining') === '0') {
    const answeredAt = Date.parse(headers.get('date') ?? '') || Date.now()
    const resetAt = Number(headers.get('x-ratelimit-reset') ?? '0') * 1000
    return Math.max(1, Math.ceil((resetAt - answeredAt) / 1000))
  }
  return status === 429 ? 60 : null
}

/** GitHub's own words, at most 300 characters, or null where the body is none of its own. */
function wordsOf(body: unknown): string | null {
  const parsed = problemAnswer.safeParse(body)
  if (!parsed.success) return null
  const details = (parsed.data.errors ?? []).map((error) =>
    typeof error === 'string' ? error : (error.message ?? [error.field, error.code].filter(Boolean).join(' ')),
  )
  return [parsed.data.message, ...details].join(': ').slice(0, 300)
}
