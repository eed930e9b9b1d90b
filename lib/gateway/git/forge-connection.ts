/**
 * The forge's git side over smart HTTP. Owns: the token on each request, redirects (a renamed repository, on the configured
 * host only), and the words for what the forge answers. Must not know: sandboxes, pkt-lines.
 */
import type { IncomingMessage } from 'node:http'
import type { GitGrant } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import type { Upstream, UpstreamRequest } from '../upstream.ts'
import { UpstreamError } from '../upstream.ts'
import type { GitService } from './git-route.ts'

export interface ForgeRequest {
  grant: GitGrant
  /** "owner/repo" */
  repository: string
  service: GitService
  headers: Record<string, string>
  signal?: AbortSignal
  /** Longest silence, where it is not the connection's own. */
  idleTimeoutMs?: number
}

/** The body of an answer, as it comes. */
export type ForgeAnswer = AsyncIterable<Buffer> & { destroy(): unknown }

export interface ForgeConnection {
  /** GET info/refs. Answers 200 with the service's advertisement, or throws a Refusal. */
  advertise(request: ForgeRequest): Promise<ForgeAnswer>
  /** POST of the service. Answers 200, or throws a Refusal. */
  call(request: ForgeRequest & { body: Buffer | AsyncIterable<Buffer> }): Promise<ForgeAnswer>
}

const MAX_REDIRECTS = 3
const MAX_REMEMBERED = 1_000
const MAX_SHOWN_CHARACTERS = 300

export function createForgeConnection({
  upstream,
  idleTimeoutMs,
}: {
  upstream: Upstream
  idleTimeoutMs: number
}): ForgeConnection {
  /** Where renamed repositories are now: git asks info/refs first, and its POST cannot be sent twice. */
  const moved = new Map<string, string>()

  const send = async (request: ForgeRequest, target: Pick<UpstreamRequest, 'url' | 'method' | 'body'>) => {
    const { grant, headers, signal } = request
    const authorization: Record<string, string> =
      grant.token === null ? {} : { authorization: `Basic ${encodeToken(grant.token)}` }
    try {
      return await upstream.send({
        ...target,
        headers: { 'user-agent': 'git/2.40 (berth)', ...headers, ...authorization },
        ...(signal === undefined ? {} : { signal }),
        idleTimeoutMs: Math.min(idleTimeoutMs, request.idleTimeoutMs ?? idleTimeoutMs),
      })
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      throw new Refusal(502, 'upstream_failed', `The git host did not answer: ${error.message}. Try again later.`)
    }
  }

  return {
    advertise: async (request) => {
      const key = repositoryUrl(request)
      let url = new URL(`${key}/info/refs?service=${request.service}`)
      for (let redirects = 0; ; redirects += 1) {
        const response = await send(request, { url, method: 'GET' })
        if (!isRedirect(response)) {
          await assertServed(response, request, `${request.service}-advertisement`)
          // Served where it was asked for: whatever moved from there once, the name is another repository's now.
          if (redirects === 0) moved.delete(key)
          return response
        }
        response.destroy()
        url = followRedirect({ url, location: response.headers.location, service: request.service, redirects })
        moved.delete(key)
        moved.set(key, url.href.slice(0, url.href.indexOf('/info/refs?')))
        if (moved.size > MAX_REMEMBERED) moved.delete(moved.keys().next().value ?? key)
      }
    },
    call: async (request) => {
      const key = repositoryUrl(request)
      const url = new URL(`${moved.get(key) ?? key}/${request.service}`)
      const response = await send(request, { url, method: 'POST', body: request.body })
      if (isRedirect(response)) {
        response.destroy()
        throw new Refusal(
          502,
          'upstream_failed',
          'The repository has moved on its host. Run the same git command again.',
        )
      }
      await assertServed(response, request, `${request.service}-result`)
      return response
    },
  }
}

/** As git itself sends it: HTTP Basic, any user name. */
function encodeToken(token: string): string {
  return Buffer.from(`x-access-token:${token}`).toString('base64')
}

function repositoryUrl({ grant, repository }: ForgeRequest): string {
  return `${grant.baseUrl}/${repository}.git`
}

function isRedirect(response: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(response.statusCode ?? 0)
}

interface Redirect {
  url: URL
  location: string | undefined
  service: GitService
  redirects: number
}

/** Only to the same origin, and only to another repository's same route: the token goes along. */
function followRedirect({ url, location, service, redirects }: Redirect): URL {
  const next = location === undefined ? null : URL.parse(location, url.href)
  const isRoute = next?.pathname.endsWith('/info/refs') === true && next.search === `?service=${service}`
  if (next !== null && next.origin === url.origin && isRoute && redirects < MAX_REDIRECTS) return next
  const where = next === null ? 'nowhere' : next.origin
  throw new Refusal(
    502,
    'upstream_failed',
    `The git host redirects to ${toAsciiLine(where)}, where Berth does not follow.`,
  )
}

/** Throws what the person should read. A 401 must not reach git, which would ask for a password. */
async function assertServed(response: IncomingMessage, request: ForgeRequest, contentType: string): Promise<void> {
  const status = response.statusCode ?? 502
  if (status === 200 && response.headers['content-type'] === `application/x-${contentType}`) return
  const { repository, grant, service } = request
  const said = await readWords(response, grant.token)
  const host = new URL(grant.baseUrl).host
  const answer = `${host} answered ${status} for ${repository}${said === '' ? '' : `: ${said}`}`
  const verb = service === 'git-receive-pack' ? 'push to' : 'read'
  if (status === 401 || status === 403) {
    const cure =
      grant.token === null
        ? `There is no token: set GITHUB_TOKEN to one that may ${verb} it.`
        : `Use a token that may ${verb} it.`
    throw new Refusal(403, 'repository_forbidden', `${answer}. ${cure}`)
  }
  if (status === 404) {
    const cure = `Check the name, and that the token (${grant.token === null ? 'none is set' : 'set'}) may ${verb} it.`
    throw new Refusal(404, 'repository_not_found', `${answer}. ${cure}`)
  }
  const odd = status === 200 ? ", but not with git's protocol" : ''
  throw new Refusal(502, 'upstream_failed', `${answer}${odd}. Try again later.`)
}

/** The first words of an error page that is plain text; markup says nothing to a person at a terminal. */
async function readWords(response: IncomingMessage, token: string | null): Promise<string> {
  const isText = (response.headers['content-type'] ?? '').startsWith('text/plain')
  let text = ''
  try {
    for await (const chunk of response) {
      if (isText) text += chunk.toString('latin1')
      if (!isText || text.length > MAX_SHOWN_CHARACTERS) break
    }
  } catch (error) {
    // Cut in the middle of its error: what has come says enough.
    if (!(error instanceof Error)) throw error
  }
  const words =
    token === null ? text : text.replaceAll(token, '(the token)').replaceAll(encodeToken(token), '(the token)')
  return toAsciiLine(words).slice(0, MAX_SHOWN_CHARACTERS)
}
