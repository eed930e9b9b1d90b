/** GitHub: whether it is reached, whose the token is, what it may do, and how long it lasts. */
import { z } from 'zod'
import type { Settings } from '../../../lib/config.ts'
import type { Upstream } from '../../../lib/gateway/upstream.ts'
import { adviseOnFailure, ask, type Failure, type Reply, showProxy, showUrl } from '../ask.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface GitHubFacts {
  apiUrl: string
  /** Where git and people go. */
  url: string
  token: TokenKind | null
  /** Through which it is asked. */
  proxy: string | null
  /** GET /user with the token, GET /rate_limit without one. */
  reply: Reply
  now: Date
}

/** By its beginning: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github */
export type TokenKind = 'classic' | 'fine-grained' | 'app' | 'unknown'

const TIMEOUT_MS = 8_000
const SETTING = 'GITHUB_API_URL'

export async function readGitHub(
  settings: Pick<Settings, 'github' | 'egress'>,
  upstream: Upstream,
): Promise<GitHubFacts> {
  const { token, apiUrl, url } = settings.github
  const headers = {
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  }
  const path = token === null ? '/rate_limit' : '/user'
  const reply = await ask(upstream, { url: `${apiUrl}${path}`, headers, timeoutMs: TIMEOUT_MS })
  const proxy = showProxy(settings.egress.proxy, apiUrl)
  return { apiUrl, url, token: token === null ? null : kindOf(token), proxy, reply, now: new Date() }
}

function kindOf(token: string): TokenKind {
  if (token.startsWith('github_pat_')) return 'fine-grained'
  if (/^gh[op]_/.test(token)) return 'classic'
  return /^gh[su]_/.test(token) ? 'app' : 'unknown'
}

const MAKE = 'https://github.com/settings/personal-access-tokens/new'
const NEEDED = 'contents and pull requests: read and write'

export function judgeGitHub(facts: GitHubFacts): Finding[] {
  const { apiUrl, reply, token } = facts
  const shown = showUrl(apiUrl)
  const noToken = token === null ? [NO_TOKEN] : []
  if (reply.kind === 'failure') return [judgeFailure(reply, facts), ...noToken, ...judgeAddresses(facts)]
  if (token === null) return [...noToken, ...judgeNoToken(shown, reply), ...judgeAddresses(facts)]
  if (reply.status === 401) {
    return [
      problem(
        `${shown} refuses the token (401): it is wrong, expired or revoked`,
        `Make a new one at ${MAKE} (${NEEDED}) and put it into GITHUB_TOKEN; without any, public repositories can be read.`,
        'the GitHub token is refused',
      ),
    ]
  }
  const trouble = judgeTrouble(shown, reply)
  if (trouble.length > 0) return trouble
  return [
    judgeToken(shown, token, reply),
    ...judgeScopes(reply),
    ...judgeExpiry(reply, facts.now),
    ...judgeAddresses(facts),
  ]
}

type Answer = Extract<Reply, { kind: 'answer' }>

function judgeFailure({ code, words }: Failure, { apiUrl, proxy }: GitHubFacts): Finding {
  if (code === 'ERR_INVALID_CHAR') {
    return problem(
      'GITHUB_TOKEN holds a character that no token has',
      'Copy it again, in one line and without spaces.',
      'the GitHub token is refused',
    )
  }
  const advice = adviseOnFailure(code, { url: apiUrl, setting: SETTING, proxy })
  return problem(`${showUrl(apiUrl)} cannot be reached (${words})`, advice, 'GitHub cannot be reached')
}

const NO_TOKEN = warning(
  'no token: only public repositories can be read, and nothing pushed; a run ends without a pull request',
  `Make one at ${MAKE} (${NEEDED}), then: echo 'GITHUB_TOKEN=<your token>' >> .env`,
)

/** Nothing: it is well, and asks for no pause. */
function judgeTrouble(shown: string, { status, headers }: Answer): Finding[] {
  if (status === 429 || (status === 403 && headers['x-ratelimit-remaining'] === '0')) {
    const advice = 'Wait for some minutes. Who shares the token, shares its limit.'
    return [warning(`${shown} was asked too often (${status})`, advice)]
  }
  if (status < 500) return []
  return [warning(`${shown} answers ${status}: it has trouble`, 'Try again later: https://www.githubstatus.com')]
}

function judgeNoToken(shown: string, reply: Answer): Finding[] {
  const trouble = judgeTrouble(shown, reply)
  // Whatever the status: GitHub speaks JSON.
  return trouble.length === 0 && reply.body === null ? [notGitHub(shown, reply.status)] : trouble
}

function notGitHub(shown: string, status: number): Finding {
  return warning(
    `${shown} answers ${status}, and not as GitHub does`,
    `Is ${SETTING} right? Of GitHub Enterprise it ends in /api/v3.`,
  )
}

const userAnswer = z.looseObject({ login: z.string() })

function judgeToken(shown: string, kind: TokenKind, { status, headers, body }: Answer): Finding {
  const user = userAnswer.safeParse(body)
  if (status === 200 && user.success) {
    const scopes = headers['x-oauth-scopes']
    if (scopes !== undefined) return ok(`${user.data.login}'s token, with the scopes ${scopes || '(none)'}`)
    return ok(`${user.data.login}'s token; which repositories it is for cannot be asked: it needs ${NEEDED} there`)
  }
  // An app's token stands for no person.
  if (status === 403 && kind === 'app') return ok(`an app's token, taken by ${shown}; what it may do cannot be asked`)
  return notGitHub(shown, status)
}

/** The header has what a classic token may do; the others have none. */
function judgeScopes({ headers }: Answer): Finding[] {
  const header = headers['x-oauth-scopes']
  if (header === undefined) return []
  const scopes = header.split(',').map((scope) => scope.trim())
  const findings: Finding[] = []
  if (scopes.includes('workflow')) {
    findings.push(
      warning(
        'The token has the scope workflow: an agent can change what the CI of your repositories does, with its secrets',
        `Use one without it: a fine-grained token from ${MAKE} (${NEEDED}).`,
      ),
    )
  }
  if (!scopes.includes('repo')) {
    const isPublic = scopes.includes('public_repo')
    findings.push(
      warning(
        isPublic
          ? 'The token has public_repo only: private repositories cannot be read or pushed'
          : 'The token may push to no repository: it lacks the scope repo; a run ends without a pull request',
        `Give it the scope repo at https://github.com/settings/tokens, or make a fine-grained one at ${MAKE} (${NEEDED}).`,
      ),
    )
  }
  return findings
}

const DAY_MS = 86_400_000
const SOON_DAYS = 7

/** The header is like "2027-01-31 12:00:00 UTC" or "... +0100". */
function judgeExpiry({ headers }: Answer, now: Date): Finding[] {
  const header = headers['github-authentication-token-expiration']
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?: ?(UTC|Z|[+-]\d\d:?\d\d))?$/.exec(header ?? '')
  if (parts === null) return []
  const [, day, time, zone = 'Z'] = parts
  const expires = Date.parse(`${day}T${time}${zone === 'UTC' ? 'Z' : zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`)
  const days = Math.floor((expires - now.getTime()) / DAY_MS)
  if (Number.isNaN(days)) return []
  if (days >= SOON_DAYS) return [ok(`The token lasts until ${day} (${days} days)`)]
  return [
    warning(
      `The token lasts until ${day} ${time} only`,
      `Make a new one at ${MAKE} (${NEEDED}) and put it into GITHUB_TOKEN.`,
    ),
  ]
}

const PUBLIC = { apiUrl: 'https://api.github.com', url: 'https://github.com' }

/** Of an Enterprise server both addresses change, or neither. */
function judgeAddresses({ apiUrl, url }: GitHubFacts): Finding[] {
  if ((apiUrl === PUBLIC.apiUrl) === (url === PUBLIC.url)) return []
  return [
    warning(
      `GITHUB_API_URL is ${showUrl(apiUrl)}, and GITHUB_URL is ${showUrl(url)}: one is github.com's, the other is not`,
      'Set both: for GitHub Enterprise GITHUB_URL=https://ghe.example.com and GITHUB_API_URL=https://ghe.example.com/api/v3',
    ),
  ]
}
