/**
 * One request to the stand-in, from its first byte to its last: who asks, which of git, API and pages it is for, and the
 * failures a test has ordered. Must not know how the server is started or what is done to its state from outside.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { answerFailure, cutExchange, type Failure, isServed, takeFailure } from './failures.ts'
import { type GitRoute, matchGitRoute, serveGit } from './git-http.ts'
import { pullPage } from './pages.ts'
import { type ApiContext, answerApi, diffOfPull } from './rest.ts'
import { type ApiAnswer, type ForgeToken, problem } from './shapes.ts'

export const API_PREFIX = '/api/v3'

export interface RecordedRequest {
  method: string
  /** Path and query. */
  path: string
  headers: Record<string, string | string[] | undefined>
  /** Parsed JSON of an API request; undefined for git. */
  body: unknown
  /** 0 while it is being answered, or when the connection was dropped. */
  status: number
  /** What has come of it so far, head and body. */
  readonly receivedBytes: number
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  record: RecordedRequest
  failures: Failure[]
  tokens: Map<string, ForgeToken>
  context: ApiContext
}

/** Answers one request, whichever kind it is: a scripted failure, git, the API or a page. */
export async function serveExchange(exchange: Exchange): Promise<void> {
  const { request, response, record, context } = exchange
  const url = new URL(record.path, context.bases.html)
  const failure = takeFailure(exchange.failures, `${record.method} ${record.path}`)
  if (failure !== undefined && !isServed(failure)) return answerFailure(failure, request, response)
  if (failure !== undefined) cutExchange(failure, request, response)
  const git = matchGitRoute(record.method, url)
  if (git !== null) return serveGitRoute(exchange, url, git)
  if (url.pathname.startsWith(`${API_PREFIX}/`)) return serveApi(exchange, url)
  return servePage(exchange, url)
}

async function serveGitRoute(exchange: Exchange, url: URL, route: GitRoute): Promise<void> {
  const { request, response, tokens, context } = exchange
  const refuse = (status: number, words: string) => {
    request.resume()
    const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="GitHub"' } : {}
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...challenge }).end(words)
  }
  const sent = basicPassword(request.headers.authorization)
  const token = sent === null ? null : (tokens.get(sent) ?? null)
  if (request.headers.authorization !== undefined && token === null) return refuse(401, 'Invalid username or token.')
  const renamed = context.store.findRenamed(route.fullName)
  if (renamed !== undefined && context.store.find(route.fullName) === undefined) {
    request.resume()
    const location = `${context.bases.html}/${renamed.fullName}.git/${route.rest}${url.search}`
    response.writeHead(301, { location }).end()
    return
  }
  const repository = context.store.find(route.fullName)
  const isVisible = repository !== undefined && (!repository.private || token !== null)
  if (!isVisible) return refuse(token === null ? 401 : 404, 'Repository not found.')
  if (route.service === 'git-receive-pack') {
    if (token === null) return refuse(401, 'No anonymous write access.')
    if (!token.canPush) return refuse(403, `Permission to ${repository.fullName}.git denied to ${token.login}.`)
    if (repository.archived) return refuse(403, 'This repository was archived so it is read-only.')
  }
  await serveGit({ request, response, url, route, directory: repository.directory, user: token?.login ?? null })
}

/** The password of `Basic x-access-token:<token>`, or null. */
function basicPassword(authorization: string | undefined): string | null {
  const encoded = /^Basic (\S+)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return null
  return /^x-access-token:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8'))?.[1] ?? null
}

async function serveApi(exchange: Exchange, url: URL): Promise<void> {
  const { request, response, record, tokens, context } = exchange
  const raw = await text(request)
  const authorization = request.headers.authorization
  const sent = /^(?:Bearer|token) (\S+)$/i.exec(authorization ?? '')?.[1]
  const token = sent === undefined ? null : (tokens.get(sent) ?? null)
  if (authorization !== undefined && token === null) return sendApi(response, problem(401, 'Bad credentials'))
  if (request.headers['user-agent'] === undefined) {
    return sendApi(response, { status: 403, body: null, text: 'Request forbidden by administrative rules.' })
  }
  const json = parseJson(raw)
  if (json === undefined) return sendApi(response, problem(400, 'Problems parsing JSON'))
  record.body = json.value
  const answer = await answerApi(
    {
      method: record.method,
      path: url.pathname.slice(API_PREFIX.length),
      query: url.searchParams,
      accept: request.headers.accept ?? '',
      body: json.value,
      token,
    },
    context,
  )
  sendApi(response, answer, token)
}

function parseJson(raw: string): { value: unknown } | undefined {
  if (raw === '') return { value: undefined }
  try {
    return { value: JSON.parse(raw) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function sendApi(response: ServerResponse, answer: ApiAnswer, token: ForgeToken | null = null): void {
  const body = answer.text ?? JSON.stringify(answer.body)
  const limit = token === null ? 60 : 5000
  response.writeHead(answer.status, {
    'content-type': answer.text === undefined ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8',
    'x-github-media-type': 'github.v3; format=json',
    'x-github-api-version-selected': '2022-11-28',
    'x-github-request-id': createHash('sha256').update(body).digest('hex').slice(0, 16).toUpperCase(),
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': String(limit - 1),
    'x-ratelimit-resource': 'core',
    ...(token?.scopes ? { 'x-oauth-scopes': token.scopes.join(', ') } : {}),
    ...(token?.expires ? { 'github-authentication-token-expiration': token.expires } : {}),
    ...answer.headers,
  })
  response.end(body)
}

async function servePage(exchange: Exchange, url: URL): Promise<void> {
  const { request, response, context } = exchange
  request.resume()
  const match = /^\/([^/]+\/[^/]+)\/pull\/(\d+)(\.diff)?$/.exec(url.pathname)
  const repository = match === null ? undefined : context.store.find(match[1] ?? '')
  const pull = repository?.pulls.find(({ number }) => number === Number(match?.[2]))
  if (repository === undefined || pull === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found')
    return
  }
  const diff = await diffOfPull(repository, pull)
  if (match?.[3] === '.diff') response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(diff)
  else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(pullPage({ repository, pull, diff }))
}
