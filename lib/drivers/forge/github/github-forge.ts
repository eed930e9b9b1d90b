/**
 * The forge port on GitHub's REST API. Owns: which calls make up each answer of the port. Must not know: agents, git's wire,
 * where the token comes from.
 */
import { z } from 'zod'
import { BerthError, isBerthError } from '../../../errors.ts'
import type { Branch, Forge, PullRequest, Repository } from '../port.ts'
import { type ApiCall, createGitHubApi, type GitHubApi } from './github-api.ts'
import { branchAnswer, type PullAnswer, pullAnswer, repositoryAnswer } from './schemas.ts'

export interface GitHubForgeOptions {
  /** e.g. "https://api.github.com" */
  apiUrl: string
  /** Null: public repositories only, nothing written. */
  token: string | null
  fetch?: typeof fetch
  /** For each answer, redirects included; default 15,000. */
  timeoutMs?: number
}

export function createGitHubForge(options: GitHubForgeOptions): Forge {
  const { apiUrl, token, timeoutMs = 15_000 } = options
  const api = createGitHubApi({ apiUrl, token, timeoutMs, fetch: options.fetch ?? fetch })
  return {
    authenticated: token !== null,
    getRepository: (fullName) => getRepository(api, fullName),
    findBranch: (fullName, branch) => findBranch(api, fullName, branch),
    findOpenPullRequest: (input) => findOpenPullRequest(api, input),
    openPullRequest: (input) => openPullRequest(api, input),
    updatePullRequest: (input) => updatePullRequest(api, input),
  }
}

async function getRepository(api: GitHubApi, fullName: string): Promise<Repository> {
  const found = await api.call({
    path: repositoryPath(fullName),
    schema: repositoryAnswer,
    attempt: `reading the repository ${fullName}`,
    repository: fullName,
  })
  const writable = found.archived !== true && found.disabled !== true
  return {
    fullName: found.full_name,
    defaultBranch: found.default_branch,
    private: found.private,
    canPush: writable && (found.permissions?.push ?? false),
    empty: found.size === 0 && !(await hasBranches(api, found.full_name)),
  }
}

async function hasBranches(api: GitHubApi, fullName: string): Promise<boolean> {
  const branches = await api.call({
    path: `${repositoryPath(fullName)}/branches`,
    query: { per_page: '1' },
    schema: z.array(branchAnswer),
    attempt: `listing the branches of ${fullName}`,
    repository: fullName,
  })
  return branches.length > 0
}

async function findBranch(api: GitHubApi, fullName: string, branch: string): Promise<Branch | null> {
  const found = await api.find({
    path: `${repositoryPath(fullName)}/branches/${branch.split('/').map(encodeURIComponent).join('/')}`,
    schema: branchAnswer,
    attempt: `reading the branch ${branch} of ${fullName}`,
    repository: fullName,
  })
  if (found === null) {
    // A missing branch and a missing repository have the same status: ask for the repository, which throws if it is that.
    await getRepository(api, fullName)
    return null
  }
  // A renamed branch is redirected to its new name, under which git does not know the old one.
  if (found.name !== branch) return null
  return { name: found.name, sha: found.commit.sha, protected: found.protected }
}

type HeadAndBase = Parameters<Forge['findOpenPullRequest']>[0]

async function findOpenPullRequest(api: GitHubApi, input: HeadAndBase): Promise<PullRequest | null> {
  const { repository, head, base } = input
  const found = await listOpenPulls(api, { ...input, owner: ownerOf(repository) })
  const pull = found.find((candidate) => candidate.head.ref === head && candidate.base.ref === base)
  if (pull !== undefined) return toPullRequest(pull)
  // `head` takes the owner's present name; after a rename or transfer the filter above finds nothing.
  const { fullName } = await getRepository(api, repository)
  if (ownerOf(fullName) === ownerOf(repository)) return null
  const again = await listOpenPulls(api, { ...input, owner: ownerOf(fullName) })
  const moved = again.find((candidate) => candidate.head.ref === head && candidate.base.ref === base)
  return moved === undefined ? null : toPullRequest(moved)
}

/** At most one can match: head and base name it. */
function listOpenPulls(api: GitHubApi, input: HeadAndBase & { owner: string }): Promise<PullAnswer[]> {
  const { repository, head, base, owner } = input
  return api.call({
    path: `${repositoryPath(repository)}/pulls`,
    query: { state: 'open', head: `${owner}:${head}`, base, per_page: '100' },
    schema: z.array(pullAnswer),
    attempt: `looking for an open pull request of ${head} into ${base} in ${repository}`,
    repository,
  })
}

async function openPullRequest(api: GitHubApi, input: Parameters<Forge['openPullRequest']>[0]): Promise<PullRequest> {
  const { repository, head, base, title, body } = input
  const call: ApiCall<typeof pullAnswer> = {
    method: 'POST',
    path: `${repositoryPath(repository)}/pulls`,
    body: { title, body, head, base, maintainer_can_modify: true },
    schema: pullAnswer,
    attempt: `opening a pull request of ${head} into ${base} in ${repository}`,
    repository,
  }
  try {
    return toPullRequest(await api.call(call))
  } catch (error) {
    if (!isBerthError(error) || error.code !== 'validation_failed') throw error
    // Someone was faster (another control plane, a lost answer to our own call): then theirs is the one to update.
    const existing = await findOpenPullRequest(api, { repository, head, base })
    if (existing === null) throw error
    return updatePullRequest(api, { repository, number: existing.number, title, body })
  }
}

async function updatePullRequest(
  api: GitHubApi,
  input: Parameters<Forge['updatePullRequest']>[0],
): Promise<PullRequest> {
  const { repository, number, title, body } = input
  if (title === undefined && body === undefined) {
    throw new BerthError(
      'validation_failed',
      `Updating pull request #${number} of ${repository} needs a title or a body.`,
    )
  }
  const pull = await api.call({
    method: 'PATCH',
    path: `${repositoryPath(repository)}/pulls/${number}`,
    body: { title, body },
    schema: pullAnswer,
    attempt: `updating pull request #${number} of ${repository}`,
    repository,
  })
  return toPullRequest(pull)
}

function toPullRequest(pull: PullAnswer): PullRequest {
  const merged = pull.merged_at !== null && pull.merged_at !== undefined
  return {
    number: pull.number,
    url: pull.html_url,
    title: pull.title,
    state: merged ? 'merged' : pull.state,
    headSha: pull.head.sha,
  }
}

function repositoryPath(fullName: string): string {
  return `/repos/${fullName.split('/').map(encodeURIComponent).join('/')}`
}

const ownerOf = (fullName: string) => fullName.split('/')[0] ?? ''
