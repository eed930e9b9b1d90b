import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runGit } from '../../../../../scripts/stand-ins/forge/git.ts'
import { type ForgeStandIn, startForge } from '../../../../../scripts/stand-ins/forge/start-forge.ts'

const TOKEN = 'ghp_sampletoken'
const REPO = 'acme/widgets'

let scratch: string
let forge: ForgeStandIn

beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'berth-test-'))
  const folder = path.join(scratch, 'source')
  await runGit(['init', '--quiet', '--initial-branch=main', folder])
  await rm(path.join(folder, '.git'), { recursive: true })
  await writeFile(path.join(folder, 'readme.txt'), 'hello\n')
  forge = await startForge({ token: TOKEN, repositories: [{ fullName: REPO, from: folder }] })
})

afterEach(async () => {
  await forge.close()
  await rm(scratch, { recursive: true, force: true })
})

const remote = (fullName = REPO, token: string | null = TOKEN) => {
  const url = new URL(`${forge.url}/${fullName}.git`)
  if (token !== null) {
    url.username = 'x-access-token'
    url.password = token
  }
  return url.href
}

async function pushChange(input: { branch: string; content: string; token?: string | null }): Promise<void> {
  const clone = await mkdtemp(path.join(scratch, 'clone-'))
  await runGit(['clone', '--quiet', remote(), clone])
  await runGit(['switch', '--quiet', '--create', input.branch], { cwd: clone })
  await writeFile(path.join(clone, 'readme.txt'), input.content)
  await runGit(['commit', '--quiet', '--all', `--message=Change ${input.branch}`], { cwd: clone })
  await runGit(['push', '--quiet', remote(REPO, input.token === undefined ? TOKEN : input.token), input.branch], {
    cwd: clone,
  })
}

async function api(route: string, init: { method?: string; body?: unknown; token?: string | null } = {}) {
  const { method = 'GET', body, token = TOKEN } = init
  const response = await fetch(`${forge.apiUrl}${route}`, {
    method,
    redirect: 'manual',
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

test('a folder becomes a repository that git clones, also over protocol version 2 and shallow', async () => {
  const clone = path.join(scratch, 'clone')
  await runGit(['-c', 'protocol.version=2', 'clone', '--quiet', '--depth=1', remote(REPO, null), clone])
  expect(await readFile(path.join(clone, 'readme.txt'), 'utf8')).toBe('hello\n')
  expect(forge.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /acme/widgets.git/info/refs?service=git-upload-pack',
    'POST /acme/widgets.git/git-upload-pack',
    'POST /acme/widgets.git/git-upload-pack',
  ])
  const advertised = await fetch(`${forge.url}/${REPO}.git/info/refs?service=git-upload-pack`, {
    headers: { 'git-protocol': 'version=2' },
  })
  expect(await advertised.text()).toContain('version 2\n')
})

test('a push needs the token as Basic x-access-token', async () => {
  await expect(pushChange({ branch: 'b1', content: 'x', token: null })).rejects.toThrow(/could not read Username|401/)
  await expect(pushChange({ branch: 'b2', content: 'x', token: 'wrong' })).rejects.toThrow(/Authentication failed/)
  forge.setToken('reader', { canPush: false })
  await expect(pushChange({ branch: 'b3', content: 'x', token: 'reader' })).rejects.toThrow(/403/)
  await pushChange({ branch: 'b4', content: 'x' })
  expect((await forge.branches(REPO)).map(({ name }) => name)).toEqual(['b4', 'main'])
})

test('a compressed request body and a chunked one reach git whole', async () => {
  const [tip] = await forge.branches(REPO)
  const lines = [`want ${tip?.sha} no-progress\n`].map((l) => (l.length + 4).toString(16).padStart(4, '0') + l)
  const body = `${lines.join('')}00000009done\n`
  const url = `${forge.url}/${REPO}.git/git-upload-pack`
  const headers = { 'content-type': 'application/x-git-upload-pack-request' }
  const zipped = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: gzipSync(body),
  })
  const chunked = await fetch(url, {
    method: 'POST',
    headers,
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit)
  for (const response of [zipped, chunked]) {
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).includes('PACK')).toBe(true)
  }
})

test('the files of the dumb protocol are not served', async () => {
  for (const route of ['info/refs', 'HEAD', 'objects/info/packs', 'config']) {
    const response = await fetch(`${forge.url}/${REPO}.git/${route}`)
    expect([route, response.status]).toEqual([route, 404])
    await response.text()
  }
})

test('a pull request is opened once, shows its diff and can be changed', async () => {
  await pushChange({ branch: 'feature/one', content: 'hello there\n' })
  const created = await api(`/repos/${REPO}/pulls`, {
    method: 'POST',
    body: { title: 'Greet', body: 'why', head: 'feature/one', base: 'main' },
  })
  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({ number: 1, state: 'open', title: 'Greet', head: { ref: 'feature/one' } })
  const again = await api(`/repos/${REPO}/pulls`, {
    method: 'POST',
    body: { title: 'Greet', head: 'feature/one', base: 'main' },
  })
  expect(again).toMatchObject({
    status: 422,
    body: {
      message: 'Validation Failed',
      errors: [
        { resource: 'PullRequest', code: 'custom', message: 'A pull request already exists for acme:feature/one.' },
      ],
      documentation_url: 'https://docs.github.com/rest/pulls/pulls#create-a-pull-request',
      status: '422',
    },
  })
  const listed = await api(`/repos/${REPO}/pulls?head=acme:feature/one&base=main&state=open`)
  expect(listed.body.map((pull: { number: number }) => pull.number)).toEqual([1])
  await api(`/repos/${REPO}/pulls/1`, { method: 'PATCH', body: { title: 'Greet better' } })
  const [pull] = await forge.pullRequests(REPO)
  expect(pull).toMatchObject({ title: 'Greet better', url: `${forge.url}/${REPO}/pull/1` })
  expect(pull?.diff).toContain('-hello\n+hello there\n')
  expect(await (await fetch(`${created.body.diff_url}`)).text()).toBe(pull?.diff)
  expect(await (await fetch(`${created.body.html_url}`)).text()).toContain('+hello there')
})

test('a pull request without commits is refused in GitHub’s words', async () => {
  await runGit(['branch', 'same', 'main'], { cwd: forge.directoryOf(REPO) })
  const answer = await api(`/repos/${REPO}/pulls`, { method: 'POST', body: { title: 't', head: 'same', base: 'main' } })
  expect(answer.status).toBe(422)
  expect(answer.body.errors).toEqual([
    { resource: 'PullRequest', code: 'custom', message: 'No commits between main and same' },
  ])
})

test('branches say their commit and whether they are protected; a missing one is a 404 of its own', async () => {
  forge.protectBranch(REPO, 'main')
  const main = await api(`/repos/${REPO}/branches/main`)
  expect(main.body).toMatchObject({ name: 'main', protected: true })
  const missing = await api(`/repos/${REPO}/branches/no/such`)
  expect(missing).toMatchObject({ status: 404, body: { message: 'Branch not found', status: '404' } })
})

test('tokens, scopes and privacy are as on GitHub', async () => {
  expect((await api('/user')).headers.get('x-oauth-scopes')).toBe('repo')
  expect((await api('/user', { token: null })).status).toBe(401)
  expect(await api('/user', { token: 'wrong' })).toMatchObject({ status: 401, body: { message: 'Bad credentials' } })
  await forge.addRepository({ fullName: 'acme/secret', from: null, private: true })
  expect((await api('/repos/acme/secret', { token: null })).status).toBe(404)
  expect((await api('/repos/acme/secret')).body).toMatchObject({ size: 0, private: true, default_branch: 'main' })
  expect((await api(`/repos/${REPO}`, { token: null })).body.permissions).toBeUndefined()
})

test('a token tells when it ends; a fine-grained one tells no scopes', async () => {
  expect((await api('/user')).headers.has('github-authentication-token-expiration')).toBe(false)
  forge.setToken('fine', { scopes: null, expires: '2027-01-31 12:00:00 UTC' })
  const { headers } = await api('/user', { token: 'fine' })
  expect(headers.get('github-authentication-token-expiration')).toBe('2027-01-31 12:00:00 UTC')
  expect(headers.has('x-oauth-scopes')).toBe(false)
})

test('a renamed repository redirects, for the API and for git', async () => {
  await forge.renameRepository(REPO, 'acme/gadgets')
  const moved = await api(`/repos/${REPO}/branches/main`)
  expect(moved.status).toBe(301)
  const followed = await fetch(moved.headers.get('location') ?? '')
  expect((await followed.json()).name).toBe('main')
  const clone = path.join(scratch, 'renamed')
  await runGit(['clone', '--quiet', remote(REPO, null), clone])
  expect(await readFile(path.join(clone, 'readme.txt'), 'utf8')).toBe('hello\n')
})

test('an ordered failure takes the place of the next matching answer, once', async () => {
  forge.fail({ match: 'GET /api/v3/repos', status: 503, body: { message: 'down' } })
  expect((await api('/user')).status).toBe(200)
  expect(await api(`/repos/${REPO}`)).toMatchObject({ status: 503, body: { message: 'down' } })
  expect((await api(`/repos/${REPO}`)).status).toBe(200)
})

test('a bundle becomes a repository with its history, and a wrong default branch is named', async () => {
  const bundle = path.join(scratch, 'it.bundle')
  await runGit(['bundle', 'create', '--quiet', bundle, 'main'], { cwd: forge.directoryOf(REPO) })
  await forge.addRepository({ fullName: 'acme/copy', from: bundle })
  expect(await forge.branches('acme/copy')).toEqual(await forge.branches(REPO))
  await expect(forge.addRepository({ fullName: 'acme/other', from: bundle, defaultBranch: 'trunk' })).rejects.toThrow(
    `${bundle} has no branch trunk; it has main.`,
  )
})

test('closing leaves no folder and no open connection', async () => {
  const directory = forge.directoryOf(REPO)
  forge.fail({ hang: true })
  const hanging = expect(api('/user')).rejects.toThrow()
  await expect.poll(() => forge.requests.length).toBe(1)
  await forge.close()
  await hanging
  await expect(access(directory)).rejects.toThrow('ENOENT')
  forge = await startForge()
})
