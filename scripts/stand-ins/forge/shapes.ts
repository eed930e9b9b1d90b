/**
 * GitHub's JSON, as its REST reference (API version 2022-11-28) shows it, cut to the fields that clients of repositories,
 * branches and pull requests read. Pure functions from stored records to answers.
 */
import type { PullRecord, StoredRepository } from './repositories.ts'

const DOCS = 'https://docs.github.com/rest'

export interface Bases {
  /** For people and git, e.g. http://127.0.0.1:4000 */
  html: string
  /** e.g. http://127.0.0.1:4000/api/v3 */
  api: string
}

/** A token as the forge knows it. */
export interface ForgeToken {
  login: string
  /** What `X-OAuth-Scopes` says; null for a fine-grained token, which has no such header. */
  scopes: string[] | null
  /** What `GitHub-Authentication-Token-Expiration` says, e.g. "2027-01-31 12:00:00 UTC"; left out for a token without an end. */
  expires?: string
  /** May push and open pull requests. */
  canPush: boolean
}

export interface ApiAnswer {
  status: number
  body: unknown
  headers?: Record<string, string>
  /** Sent as it is instead of `body`. */
  text?: string
}

export interface ValidationProblem {
  resource: string
  code: string
  field?: string
  message?: string
}

/** An error body: `{message, errors?, documentation_url, status}`. */
export function problem(
  status: number,
  message: string,
  options: { docs?: string; errors?: ValidationProblem[] } = {},
) {
  const { docs = '', errors } = options
  return {
    status,
    body: {
      message,
      ...(errors === undefined ? {} : { errors }),
      documentation_url: `${DOCS}${docs}`,
      status: String(status),
    },
  } satisfies ApiAnswer
}

export const notFound = (docs: string) => problem(404, 'Not Found', { docs })

export function validationFailed(docs: string, errors: ValidationProblem[]): ApiAnswer {
  return problem(422, 'Validation Failed', { docs, errors })
}

export function userShape(login: string, bases: Bases) {
  return {
    login,
    id: 1,
    node_id: 'MDQ6VXNlcjE=',
    avatar_url: `${bases.html}/images/${login}.png`,
    url: `${bases.api}/users/${login}`,
    html_url: `${bases.html}/${login}`,
    type: 'User',
    site_admin: false,
  }
}

export function repositoryShape(input: {
  repository: StoredRepository
  token: ForgeToken | null
  /** Kilobytes. */
  size: number
  bases: Bases
}) {
  const { repository, token, size, bases } = input
  const { fullName } = repository
  const [owner = '', name = ''] = fullName.split('/')
  const canPush = token?.canPush ?? false
  return {
    id: repository.id,
    node_id: `R_${repository.id}`,
    name,
    full_name: fullName,
    private: repository.private,
    owner: userShape(owner, bases),
    html_url: `${bases.html}/${fullName}`,
    description: null,
    fork: false,
    url: `${bases.api}/repos/${fullName}`,
    clone_url: `${bases.html}/${fullName}.git`,
    ssh_url: `git@${new URL(bases.html).hostname}:${fullName}.git`,
    size,
    default_branch: repository.defaultBranch,
    archived: repository.archived,
    disabled: false,
    visibility: repository.private ? 'private' : 'public',
    ...(token === null
      ? {}
      : { permissions: { admin: false, maintain: false, push: canPush, triage: canPush, pull: true } }),
  }
}

export function branchShape(input: { repository: StoredRepository; name: string; sha: string; bases: Bases }) {
  const { repository, name, sha, bases } = input
  const isProtected = repository.protectedBranches.has(name)
  const url = `${bases.api}/repos/${repository.fullName}`
  return {
    name,
    commit: { sha, url: `${url}/commits/${sha}` },
    protected: isProtected,
    protection: {
      enabled: isProtected,
      required_status_checks: { enforcement_level: isProtected ? 'everyone' : 'off', contexts: [], checks: [] },
    },
    protection_url: `${url}/branches/${name}/protection`,
  }
}

export function pullShape(input: {
  repository: StoredRepository
  pull: PullRecord
  headSha: string
  baseSha: string
  bases: Bases
}) {
  const { repository, pull, headSha, baseSha, bases } = input
  const [owner = ''] = repository.fullName.split('/')
  const html = `${bases.html}/${repository.fullName}/pull/${pull.number}`
  const url = `${bases.api}/repos/${repository.fullName}`
  const side = (ref: string, sha: string) => ({
    label: `${owner}:${ref}`,
    ref,
    sha,
    user: userShape(owner, bases),
    repo: { id: repository.id, full_name: repository.fullName, default_branch: repository.defaultBranch },
  })
  return {
    url: `${url}/pulls/${pull.number}`,
    id: repository.id * 1000 + pull.number,
    node_id: `PR_${repository.id}_${pull.number}`,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: `${url}/issues/${pull.number}`,
    number: pull.number,
    state: pull.state,
    locked: false,
    title: pull.title,
    user: userShape(pull.author, bases),
    body: pull.body,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.state === 'closed' ? pull.updatedAt : null,
    merged_at: null,
    draft: false,
    merged: false,
    head: side(pull.head, headSha),
    base: side(pull.base, baseSha),
  }
}
