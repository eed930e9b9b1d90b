import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGitHubForge } from '../../../../../../lib/drivers/forge/github/github-forge.ts'
import type { Forge } from '../../../../../../lib/drivers/forge/port.ts'
import { runGit } from '../../../../../../scripts/stand-ins/forge/git.ts'
import { type ForgeStandIn, startForge } from '../../../../../../scripts/stand-ins/forge/start-forge.ts'

const TOKEN = 'ghp_neverInAMessage'
const REPO = 'acme/widgets'
const HEAD = 'berth/fix-1'

let scratch: string
let server: ForgeStandIn
let forge: Forge

beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'berth-test-'))
  await writeFile(path.join(scratch, 'a.txt'), 'a\n')
  server = await startForge({ token: TOKEN, repositories: [{ fullName: REPO, from: scratch }] })
  forge = createGitHubForge({ apiUrl: server.apiUrl, token: TOKEN })
})

afterEach(async () => {
  await server.close()
  await rm(scratch, { recursive: true, force: true })
})

/** Puts a commit with another file on a branch of the forge. */
async function addBranch(branch: string): Promise<string> {
  const cwd = server.directoryOf(REPO)
  const tree = (await runGit(['rev-parse', 'main^{tree}'], { cwd })).trim()
  const sha = (await runGit(['commit-tree', tree, '-p', 'main', '-m', 'Change'], { cwd })).trim()
  await runGit(['branch', branch, sha], { cwd })
  return sha
}

const pull = (title: string) => ({ repository: REPO, head: HEAD, base: 'main', title, body: 'why' })

async function refusalOf(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => null,
    (thrown) => thrown,
  )
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(TOKEN)
  return error
}

test('a repository is read with its default branch and what the token may do', async () => {
  const expected = { fullName: REPO, defaultBranch: 'main', private: false, canPush: true, empty: false }
  expect(await forge.getRepository(REPO)).toEqual(expected)
  expect(server.requests).toHaveLength(1)
  const anonymous = createGitHubForge({ apiUrl: server.apiUrl, token: null })
  expect(await anonymous.getRepository(REPO)).toEqual({ ...expected, canPush: false })
  expect([forge.authenticated, anonymous.authenticated]).toEqual([true, false])
  server.archiveRepository(REPO)
  expect(await forge.getRepository(REPO)).toMatchObject({ canPush: false })
})

test('each request names its version and its sender', async () => {
  await forge.getRepository(REPO)
  expect(server.requests[0]?.headers).toMatchObject({
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'berth',
    authorization: `Bearer ${TOKEN}`,
  })
})

test('an empty repository is empty, and a small one that GitHub has not measured yet is not', async () => {
  await server.addRepository({ fullName: 'acme/empty', from: null })
  expect(await forge.getRepository('acme/empty')).toMatchObject({ empty: true })
  expect(await forge.findBranch('acme/empty', 'main')).toBe(null)
  const sizeless = createGitHubForge({
    apiUrl: server.apiUrl,
    token: TOKEN,
    fetch: async (url, init) => {
      const response = await fetch(url, init)
      const body = await response.json()
      return Response.json(Array.isArray(body) ? body : { ...body, size: 0 })
    },
  })
  expect(await sizeless.getRepository(REPO)).toMatchObject({ empty: false })
})

test('a renamed repository answers with its new name, for reading and for writing', async () => {
  await addBranch(HEAD)
  await server.renameRepository(REPO, 'acme/gadgets')
  expect(await forge.getRepository(REPO)).toMatchObject({ fullName: 'acme/gadgets' })
  expect(await forge.openPullRequest(pull('After the move'))).toMatchObject({ title: 'After the move' })
})

test('a pull request is found after its repository was transferred to another owner', async () => {
  await addBranch(HEAD)
  const opened = await forge.openPullRequest(pull('Before the move'))
  await server.renameRepository(REPO, 'newowner/widgets')
  const found = await forge.findOpenPullRequest(pull(''))
  expect(found?.number).toBe(opened.number)
})

test('a redirect to another host is not followed, so that the token stays', async () => {
  server.fail({ status: 301, headers: { location: 'http://localhost:9/repos/x/y' } })
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({
    code: 'upstream_failed',
    message: `GitHub redirected reading the repository ${REPO} to another host, http://localhost:9: not followed.`,
  })
})

test('a branch is found with its commit, null when it is missing, and an error when its repository is', async () => {
  const sha = await addBranch('feature/100%-#odd')
  server.protectBranch(REPO, 'main')
  expect(await forge.findBranch(REPO, 'feature/100%-#odd')).toEqual({
    name: 'feature/100%-#odd',
    sha,
    protected: false,
  })
  expect(await forge.findBranch(REPO, 'main')).toMatchObject({ protected: true })
  expect(await forge.findBranch(REPO, 'none')).toBe(null)
  expect(await refusalOf(forge.findBranch('acme/none', 'main'))).toMatchObject({ code: 'repository_not_found' })
})

test('a branch that was renamed on GitHub does not exist under its old name', async () => {
  server.fail({
    match: /branches\/master/,
    status: 301,
    headers: { location: `${server.apiUrl}/repos/${REPO}/branches/main` },
  })
  expect(await forge.findBranch(REPO, 'master')).toBe(null)
})

test('a pull request is opened, found by head and base, and updated', async () => {
  const sha = await addBranch(HEAD)
  expect(await forge.findOpenPullRequest(pull(''))).toBe(null)
  const opened = await forge.openPullRequest(pull('Fix it'))
  expect(opened).toEqual({
    number: 1,
    url: `${server.url}/${REPO}/pull/1`,
    title: 'Fix it',
    state: 'open',
    headSha: sha,
  })
  expect(await forge.findOpenPullRequest(pull(''))).toEqual(opened)
  expect(await forge.findOpenPullRequest({ repository: REPO, head: HEAD, base: 'other' })).toBe(null)
  const updated = await forge.updatePullRequest({ repository: REPO, number: 1, title: 'Fix it well' })
  expect(updated.title).toBe('Fix it well')
  expect((await server.pullRequests(REPO))[0]?.body).toBe('why')
})

test('opening a pull request that exists already updates it, so that a lost answer does no harm', async () => {
  await addBranch(HEAD)
  await forge.openPullRequest(pull('First'))
  const again = await forge.openPullRequest({ ...pull('Second'), body: 'because' })
  expect(again).toMatchObject({ number: 1, title: 'Second' })
  expect(await server.pullRequests(REPO)).toMatchObject([{ title: 'Second', body: 'because' }])
})

test('a pull request without commits is refused in GitHub’s words', async () => {
  await runGit(['branch', HEAD, 'main'], { cwd: server.directoryOf(REPO) })
  expect(await refusalOf(forge.openPullRequest(pull('Nothing')))).toMatchObject({
    code: 'validation_failed',
    message: `GitHub answered 422 (Validation Failed: No commits between main and ${HEAD}) to opening a pull request of ${HEAD} into main in ${REPO}.`,
  })
})

test('a missing repository says how it was looked for', async () => {
  expect(await refusalOf(forge.getRepository('acme/none'))).toMatchObject({
    code: 'repository_not_found',
    message:
      'GitHub knows no repository acme/none (tried with the configured token; the answer to reading the repository acme/none was 404).',
  })
  const anonymous = createGitHubForge({ apiUrl: server.apiUrl, token: null })
  const refusal = await refusalOf(anonymous.getRepository('acme/none'))
  expect(refusal).toMatchObject({ message: expect.stringContaining('tried without a token') })
  expect(refusal).toMatchObject({ hint: expect.stringContaining('set GITHUB_TOKEN') })
})

test('a rejected token, a missing permission and single sign-on are each told with their cure', async () => {
  server.setToken(TOKEN, null)
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({
    code: 'repository_forbidden',
    message: `GitHub answered 401 (Bad credentials) to reading the repository ${REPO}.`,
    hint: 'The configured token is wrong, expired or revoked: set a new one.',
  })
  server.setToken(TOKEN, { canPush: false })
  await addBranch(HEAD)
  expect(await refusalOf(forge.openPullRequest(pull('x')))).toMatchObject({
    code: 'repository_forbidden',
    hint: `The token may not do this on ${REPO}. It needs contents and pull requests, read and write.`,
  })
  const url = 'https://github.com/orgs/acme/sso?authorization_request=A'
  server.fail({ status: 403, headers: { 'x-github-sso': `required; url=${url}` }, body: { message: 'SAML' } })
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({
    code: 'repository_forbidden',
    hint: `Authorise the token for the organisation at ${url}`,
  })
})

test('a used-up rate limit says when to try again, whichever limit it was', async () => {
  const date = new Date('2026-01-01T00:00:00Z')
  const reset = String(date.getTime() / 1000 + 90)
  const primary = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset, date: date.toUTCString() }
  server.fail({ status: 403, headers: primary, body: { message: 'API rate limit exceeded' } })
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({
    code: 'rate_limited',
    hint: 'Try again in 90 s.',
    details: { retryAfterSeconds: 90 },
  })
  server.fail({ status: 429, headers: { 'retry-after': '7' }, body: { message: 'secondary rate limit' } })
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({ details: { retryAfterSeconds: 7 } })
  server.fail({ status: 429 })
  expect(await refusalOf(forge.getRepository(REPO))).toMatchObject({ details: { retryAfterSeconds: 60 } })
})

test('trouble on the way is upstream_failed: 5xx, an error page, a foreign answer, a cut, silence, nobody there', async () => {
  const cases: [Parameters<typeof server.fail>[0], string][] = [
    [{ status: 502, body: '<html>Bad Gateway</html>' }, `GitHub answered 502 to reading the repository ${REPO}.`],
    [{ status: 200, body: '<html>Log in</html>' }, `GitHub's answer to reading the repository ${REPO} is not what`],
    [{ status: 200, body: { hello: 'world' } }, `GitHub's answer to reading the repository ${REPO} is not what`],
    [{ drop: true }, `GitHub (${server.apiUrl}) could not be reached: reading the repository ${REPO}.`],
  ]
  for (const [failure, words] of cases) {
    server.fail(failure)
    const refusal = await refusalOf(forge.getRepository(REPO))
    expect(refusal).toMatchObject({ code: 'upstream_failed', message: expect.stringContaining(words) })
  }
  const impatient = createGitHubForge({ apiUrl: server.apiUrl, token: TOKEN, timeoutMs: 50 })
  server.fail({ hang: true })
  expect(await refusalOf(impatient.getRepository(REPO))).toMatchObject({
    code: 'upstream_failed',
    message: `GitHub (${server.apiUrl}) did not answer within 50 ms: reading the repository ${REPO}.`,
  })
  const nobody = createGitHubForge({ apiUrl: 'http://127.0.0.1:1', token: TOKEN })
  expect(await refusalOf(nobody.getRepository(REPO))).toMatchObject({ code: 'upstream_failed' })
})
