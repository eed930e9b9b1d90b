/**
 * GitHub's REST routes over the stored repositories: repositories, branches, comparisons and pull requests. Takes a parsed
 * request, gives status and body; knows neither sockets nor git's wire.
 */
import type { RepositoryStore, StoredRepository } from './repositories.ts'
import { compareCommits, diffSinceMergeBase, findTip, listBranches, type PullRecord } from './repositories.ts'
import {
  type ApiAnswer,
  type Bases,
  branchShape,
  type ForgeToken,
  notFound,
  problem,
  pullShape,
  repositoryShape,
  userShape,
  type ValidationProblem,
  validationFailed,
} from './shapes.ts'

export interface ApiRequest {
  method: string
  /** Below the API's base, e.g. "/repos/o/r". */
  path: string
  query: URLSearchParams
  accept: string
  body: unknown
  /** Null: no token was sent. */
  token: ForgeToken | null
}

export interface ApiContext {
  store: RepositoryStore
  bases: Bases
  now(): Date
}

interface RouteInput {
  request: ApiRequest
  context: ApiContext
  repository: StoredRepository
  /** What the route's groups matched, decoded. */
  args: string[]
}

type Route = [method: string, pattern: RegExp, handle: (input: RouteInput) => Promise<ApiAnswer>]

const PULLS_DOCS = '/pulls/pulls'
const CREATE_DOCS = `${PULLS_DOCS}#create-a-pull-request`

/** Below /repos/{owner}/{repo}. Branch names may hold slashes. */
const routes: Route[] = [
  ['GET', /^$/, getRepository],
  ['GET', /^\/branches$/, getBranches],
  ['GET', /^\/branches\/(.+)$/, getBranch],
  ['GET', /^\/compare\/(.+)\.\.\.(.+)$/, getComparison],
  ['GET', /^\/pulls$/, listPulls],
  ['POST', /^\/pulls$/, createPull],
  ['GET', /^\/pulls\/(\d+)$/, getPull],
  ['PATCH', /^\/pulls\/(\d+)$/, updatePull],
]

/** Answers one request of the API. */
export async function answerApi(request: ApiRequest, context: ApiContext): Promise<ApiAnswer> {
  if (request.path === '/user') return getUser(request, context)
  const located = locate(request, context)
  if ('status' in located) return located
  const { repository, rest } = located
  if (repository.private && request.token === null) return notFound('/repos/repos#get-a-repository')
  for (const [method, pattern, handle] of routes) {
    const match = request.method === method ? pattern.exec(rest) : null
    if (match !== null) {
      return handle({ request, context, repository, args: match.slice(1).map(decodeURIComponent) })
    }
  }
  return notFound('')
}

/** A repository by its name or its id, a 301 to the id for a former name, or a 404. */
function locate(request: ApiRequest, context: ApiContext): ApiAnswer | { repository: StoredRepository; rest: string } {
  const { store, bases } = context
  const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(request.path)
  if (byId !== null) {
    const repository = store.findById(Number(byId[1]))
    return repository === undefined ? notFound('') : { repository, rest: byId[2] ?? '' }
  }
  const byName = /^\/repos\/([^/]+\/[^/]+)(\/.*)?$/.exec(request.path)
  if (byName === null) return notFound('')
  const [, fullName = '', rest = ''] = byName
  const repository = store.find(decodeURIComponent(fullName))
  if (repository !== undefined) return { repository, rest }
  const renamed = store.findRenamed(decodeURIComponent(fullName))
  if (renamed === undefined) return notFound('/repos/repos#get-a-repository')
  const query = request.query.size > 0 ? `?${request.query}` : ''
  const location = `${bases.api}/repositories/${renamed.id}${rest}${query}`
  return {
    // GitHub sends 307 where a client might otherwise turn the request into a GET.
    status: request.method === 'GET' ? 301 : 307,
    headers: { location },
    body: {
      message: request.method === 'GET' ? 'Moved Permanently' : 'Temporary Redirect',
      url: location,
      documentation_url:
        'https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects',
    },
  }
}

async function getUser(request: ApiRequest, context: ApiContext): Promise<ApiAnswer> {
  if (request.token === null) return problem(401, 'Requires authentication', { docs: '/users/users' })
  return { status: 200, body: userShape(request.token.login, context.bases) }
}

async function getRepository({ request, context, repository }: RouteInput): Promise<ApiAnswer> {
  const size = (await listBranches(repository.directory)).length === 0 ? 0 : 108
  return { status: 200, body: repositoryShape({ repository, token: request.token, size, bases: context.bases }) }
}

async function getBranches({ request, context, repository }: RouteInput): Promise<ApiAnswer> {
  const branches = await listBranches(repository.directory)
  const shapes = branches.map((branch) => branchShape({ repository, ...branch, bases: context.bases }))
  return paginate({ items: shapes, request, context })
}

async function getBranch({ context, repository, args: [name = ''] }: RouteInput): Promise<ApiAnswer> {
  const sha = await findTip(repository.directory, name)
  if (sha === null) return problem(404, 'Branch not found', { docs: '/branches/branches#get-a-branch' })
  return { status: 200, body: branchShape({ repository, name, sha, bases: context.bases }) }
}

async function getComparison({ request, repository, args: [base = '', head = ''] }: RouteInput): Promise<ApiAnswer> {
  const [baseSha, headSha] = await Promise.all([base, head].map((ref) => findTip(repository.directory, ref)))
  if (!baseSha || !headSha) return notFound('/commits/commits#compare-two-commits')
  if (/diff/.test(request.accept)) {
    return { status: 200, body: null, text: await diffSinceMergeBase(repository.directory, baseSha, headSha) }
  }
  const { mergeBase, aheadBy, behindBy, commits } = await compareCommits(repository.directory, baseSha, headSha)
  const diverged = aheadBy > 0 && behindBy > 0
  return {
    status: 200,
    body: {
      status: diverged ? 'diverged' : aheadBy > 0 ? 'ahead' : behindBy > 0 ? 'behind' : 'identical',
      ahead_by: aheadBy,
      behind_by: behindBy,
      total_commits: aheadBy,
      base_commit: { sha: baseSha },
      merge_base_commit: { sha: mergeBase },
      commits: commits.map(({ sha, subject }) => ({ sha, commit: { message: subject } })),
    },
  }
}

async function listPulls({ request, context, repository }: RouteInput): Promise<ApiAnswer> {
  const { query } = request
  const state = query.get('state') ?? 'open'
  const [owner = ''] = repository.fullName.split('/')
  const head = query.get('head')
  const base = query.get('base')
  const matching = repository.pulls
    .filter((pull) => state === 'all' || pull.state === state)
    // A head without an owner is ignored, as GitHub does.
    .filter(
      (pull) => head === null || !head.includes(':') || `${owner}:${pull.head}`.toLowerCase() === head.toLowerCase(),
    )
    .filter((pull) => base === null || pull.base === base)
    .toReversed()
  const items = await Promise.all(matching.map((pull) => showPull({ pull, repository, context })))
  return paginate({ items, request, context })
}

async function createPull({ request, context, repository }: RouteInput): Promise<ApiAnswer> {
  const { token } = request
  if (token === null) return problem(401, 'Requires authentication', { docs: CREATE_DOCS })
  if (!token.canPush) return problem(403, 'Resource not accessible by personal access token', { docs: CREATE_DOCS })
  const body = readFields(request.body)
  const { title, head: givenHead = '', base = '' } = body
  const [owner = ''] = repository.fullName.split('/')
  const head = givenHead.startsWith(`${owner}:`) ? givenHead.slice(owner.length + 1) : givenHead
  const problems = await findPullProblems({ repository, title, head, base })
  if (problems.length > 0) return validationFailed(CREATE_DOCS, problems)
  const now = context.now().toISOString()
  const pull: PullRecord = {
    number: repository.pulls.length + 1,
    title: title ?? '',
    body: body.body ?? '',
    head,
    base,
    state: 'open',
    author: token.login,
    createdAt: now,
    updatedAt: now,
  }
  repository.pulls.push(pull)
  return { status: 201, body: await showPull({ pull, repository, context }) }
}

async function findPullProblems(input: {
  repository: StoredRepository
  title: string | undefined
  head: string
  base: string
}): Promise<ValidationProblem[]> {
  const { repository, title, head, base } = input
  const resource = 'PullRequest'
  if (!title) return [{ resource: 'Issue', code: 'missing_field', field: 'title' }]
  const headSha = await findTip(repository.directory, head)
  const baseSha = await findTip(repository.directory, base)
  if (headSha === null) return [{ resource, field: 'head', code: 'invalid' }]
  if (baseSha === null) return [{ resource, field: 'base', code: 'invalid' }]
  const [owner = ''] = repository.fullName.split('/')
  if (repository.pulls.some((pull) => pull.state === 'open' && pull.head === head && pull.base === base)) {
    return [{ resource, code: 'custom', message: `A pull request already exists for ${owner}:${head}.` }]
  }
  const { aheadBy } = await compareCommits(repository.directory, baseSha, headSha)
  return aheadBy === 0 ? [{ resource, code: 'custom', message: `No commits between ${base} and ${head}` }] : []
}

async function getPull({ request, context, repository, args: [number] }: RouteInput): Promise<ApiAnswer> {
  const pull = repository.pulls.find((candidate) => candidate.number === Number(number))
  if (pull === undefined) return notFound(`${PULLS_DOCS}#get-a-pull-request`)
  if (/diff/.test(request.accept)) return { status: 200, body: null, text: await diffOfPull(repository, pull) }
  return { status: 200, body: await showPull({ pull, repository, context }) }
}

async function updatePull({ request, context, repository, args: [number] }: RouteInput): Promise<ApiAnswer> {
  const docs = `${PULLS_DOCS}#update-a-pull-request`
  const { token } = request
  if (token === null) return problem(401, 'Requires authentication', { docs })
  if (!token.canPush) return problem(403, 'Resource not accessible by personal access token', { docs })
  const pull = repository.pulls.find((candidate) => candidate.number === Number(number))
  if (pull === undefined) return notFound(docs)
  const { title, body, state } = readFields(request.body)
  if (title !== undefined) pull.title = title
  if (body !== undefined) pull.body = body
  if (state === 'open' || state === 'closed') pull.state = state
  pull.updatedAt = context.now().toISOString()
  return { status: 200, body: await showPull({ pull, repository, context }) }
}

/** The diff of a pull request as it stands now; empty when one of its branches is gone. */
export async function diffOfPull(repository: StoredRepository, pull: PullRecord): Promise<string> {
  const base = await findTip(repository.directory, pull.base)
  const head = await findTip(repository.directory, pull.head)
  return base === null || head === null ? '' : diffSinceMergeBase(repository.directory, base, head)
}

async function showPull(input: { pull: PullRecord; repository: StoredRepository; context: ApiContext }) {
  const { pull, repository, context } = input
  const [headSha, baseSha] = await Promise.all([
    findTip(repository.directory, pull.head),
    findTip(repository.directory, pull.base),
  ])
  return pullShape({ repository, pull, headSha: headSha ?? '', baseSha: baseSha ?? '', bases: context.bases })
}

function readFields(body: unknown): Partial<Record<'title' | 'body' | 'head' | 'base' | 'state', string>> {
  if (typeof body !== 'object' || body === null) return {}
  return Object.fromEntries(Object.entries(body).filter(([, value]) => typeof value === 'string'))
}

/** One page of a list, with GitHub's `Link` header when there are more. */
function paginate(input: { items: unknown[]; request: ApiRequest; context: ApiContext }): ApiAnswer {
  const { items, request, context } = input
  const perPage = Math.min(Number(request.query.get('per_page') ?? 30), 100)
  const page = Number(request.query.get('page') ?? 1)
  const start = (page - 1) * perPage
  const body = items.slice(start, start + perPage)
  if (start + perPage >= items.length) return { status: 200, body }
  const next = new URLSearchParams(request.query)
  next.set('page', String(page + 1))
  return { status: 200, body, headers: { link: `<${context.bases.api}${request.path}?${next}>; rel="next"` } }
}
