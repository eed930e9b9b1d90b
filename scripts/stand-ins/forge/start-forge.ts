/**
 * A local stand-in for GitHub, for the demo and the tests: real git over HTTP and the REST routes that a client of
 * repositories, branches and pull requests uses. The product reaches it by GITHUB_URL and GITHUB_API_URL alone; nothing in
 * app/, lib/ or container/ may import this folder. It listens on this machine only.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Failure } from './failures.ts'
import {
  type BranchTip,
  createRepositoryStore,
  listBranches,
  type RepositoryInput,
  type StoredRepository,
} from './repositories.ts'
import { type ApiContext, diffOfPull } from './rest.ts'
import { API_PREFIX, type RecordedRequest, sendApi, serveExchange } from './serve-exchange.ts'
import { type Bases, type ForgeToken, problem, pullShape } from './shapes.ts'

export interface ForgeOptions {
  /** Where the repositories lie; default: a temporary folder, removed by `close`. */
  directory?: string
  port?: number
  /** A token that may push, of user `octocat`, scope `repo`. More with `setToken`. */
  token?: string
  repositories?: RepositoryInput[]
  now?: () => Date
}

export interface PullRequestView {
  number: number
  title: string
  body: string
  state: string
  head: string
  base: string
  headSha: string
  url: string
  diff: string
}

export interface ForgeStandIn {
  /** For git and for people, e.g. http://127.0.0.1:41234 */
  url: string
  /** For REST, e.g. http://127.0.0.1:41234/api/v3 */
  apiUrl: string
  requests: RecordedRequest[]
  addRepository(input: RepositoryInput): Promise<void>
  renameRepository(from: string, to: string): Promise<void>
  archiveRepository(fullName: string): void
  protectBranch(fullName: string, branch: string): void
  /** Adds a token, or changes what a known one may do; `null` revokes it. */
  setToken(token: string, access: Partial<ForgeToken> | null): void
  branches(fullName: string): Promise<BranchTip[]>
  pullRequests(fullName: string): Promise<PullRequestView[]>
  /** The bare repository on disk. */
  directoryOf(fullName: string): string
  defaultBranchOf(fullName: string): string
  fail(failure: Failure): void
  close(): Promise<void>
}

/** Starts it on a free port (or `port`). Throws when a repository cannot be imported; nothing is left then. */
export async function startForge(options: ForgeOptions = {}): Promise<ForgeStandIn> {
  const made = options.directory === undefined
  const directory = options.directory ?? (await mkdtemp(path.join(tmpdir(), 'berth-forge-')))
  const removeMade = () => (made ? rm(directory, { recursive: true, force: true }) : Promise.resolve())
  try {
    return await openForge({ options, directory, removeMade })
  } catch (error) {
    await removeMade()
    throw error
  }
}

async function openForge(input: {
  options: ForgeOptions
  directory: string
  removeMade(): Promise<void>
}): Promise<ForgeStandIn> {
  const { options, directory, removeMade } = input
  const store = createRepositoryStore(directory)
  for (const repository of options.repositories ?? []) await store.add(repository)
  const tokens = new Map<string, ForgeToken>()
  const setToken: ForgeStandIn['setToken'] = (token, access) => {
    if (access === null) tokens.delete(token)
    else tokens.set(token, { login: 'octocat', scopes: ['repo'], canPush: true, ...tokens.get(token), ...access })
  }
  if (options.token !== undefined) setToken(options.token, {})
  const requests: RecordedRequest[] = []
  const failures: Failure[] = []
  const bases: Bases = { html: '', api: '' }
  const context: ApiContext = { store, bases, now: options.now ?? (() => new Date()) }
  const server = createRecordingServer({ requests, failures, tokens, context })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  bases.html = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  bases.api = `${bases.html}${API_PREFIX}`
  const get = (fullName: string) => {
    const repository = store.find(fullName)
    if (repository === undefined) throw new Error(`The forge has no repository ${fullName}.`)
    return repository
  }
  return {
    url: bases.html,
    apiUrl: bases.api,
    requests,
    addRepository: async (repository) => void (await store.add(repository)),
    renameRepository: (from, to) => store.rename(from, to),
    archiveRepository: (fullName) => {
      get(fullName).archived = true
    },
    protectBranch: (fullName, branch) => void get(fullName).protectedBranches.add(branch),
    setToken,
    branches: async (fullName) => listBranches(get(fullName).directory),
    pullRequests: async (fullName) => viewPulls(get(fullName), bases),
    directoryOf: (fullName) => get(fullName).directory,
    defaultBranchOf: (fullName) => get(fullName).defaultBranch,
    fail: (failure) => void failures.push({ ...failure }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await removeMade()
    },
  }
}

function createRecordingServer(input: {
  requests: RecordedRequest[]
  failures: Failure[]
  tokens: Map<string, ForgeToken>
  context: ApiContext
}): Server {
  const { requests, ...exchange } = input
  return createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const { socket } = request
    const before = socket.bytesRead
    const record: RecordedRequest = {
      method,
      path: url,
      headers,
      body: undefined,
      status: 0,
      get receivedBytes() {
        return socket.bytesRead - before
      },
    }
    requests.push(record)
    response.on('finish', () => {
      record.status = response.statusCode
    })
    serveExchange({ request, response, record, ...exchange }).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else sendApi(response, problem(500, `The stand-in failed: ${error instanceof Error ? error.message : error}`))
    })
  })
}

async function viewPulls(repository: StoredRepository, bases: Bases): Promise<PullRequestView[]> {
  const tips = new Map((await listBranches(repository.directory)).map(({ name, sha }) => [name, sha]))
  return Promise.all(
    repository.pulls.map(async (pull) => {
      const { number, title, body, state, head, base } = pull
      const headSha = tips.get(head) ?? ''
      const shape = pullShape({ repository, pull, headSha, baseSha: tips.get(base) ?? '', bases })
      const diff = await diffOfPull(repository, pull)
      return { number, title, body, state, head, base, headSha, url: shape.html_url, diff }
    }),
  )
}
