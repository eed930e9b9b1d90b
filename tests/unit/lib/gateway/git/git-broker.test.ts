import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import type { ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodePktLine } from '../../../../../lib/gateway/git/pkt-line.ts'
import type { GitGrant } from '../../../../../lib/gateway/ports.ts'
import type { ForgeStandIn } from '../../../../../scripts/stand-ins/forge/start-forge.ts'
import { startForge } from '../../../../../scripts/stand-ins/forge/start-forge.ts'
import type { GitFront } from '../../../../support/git-front.ts'
import { git, startGitFront } from '../../../../support/git-front.ts'
import type { TunnelRig } from '../../../../support/tunnel-rig.ts'
import { ask, createTunnelRig, fakeGitAccess, readAnswer } from '../../../../support/tunnel-rig.ts'

const TOKEN = 'ghp_secret_token'
const BRANCH = 'berth/work'
const ZERO = '0'.repeat(40)

let root: string
let forge: ForgeStandIn
let front: GitFront
let rig: TunnelRig
let session: ClientHttp2Session
let grant: GitGrant
let access: ReturnType<typeof fakeGitAccess>

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'berth-broker-'))
  const sample = path.join(root, 'sample')
  await mkdir(sample)
  await writeFile(path.join(sample, 'README.md'), '# sample\n')
  forge = await startForge({
    token: TOKEN,
    repositories: [
      { fullName: 'acme/app', from: sample, private: true },
      { fullName: 'acme/lib', from: sample, private: true },
      { fullName: 'acme/other', from: sample },
    ],
  })
  grant = {
    repository: 'acme/app',
    targetBranch: BRANCH,
    readRepos: ['acme/lib'],
    targetTip: null,
    baseUrl: forge.url,
    token: TOKEN,
  }
  access = fakeGitAccess(grant)
  rig = createTunnelRig({ access: { git: access.access } })
  session = await rig.connect('control')
  front = await startGitFront(session)
})

afterEach(async () => {
  await front.close()
  await rig.close()
  await forge.close()
  await rm(root, { recursive: true, force: true })
})

/** A clone through the broker with one commit on the agent's branch. */
async function cloneWithCommit(bytes = 100): Promise<string> {
  const directory = path.join(root, 'clone')
  const cloned = await git(root, 'clone', '-q', `${front.url}/acme/app.git`, directory)
  expect(cloned).toMatchObject({ code: 0 })
  await git(directory, 'checkout', '-q', '-b', BRANCH)
  await commit(directory, bytes)
  return directory
}

async function commit(directory: string, bytes = 100): Promise<string> {
  await writeFile(path.join(directory, `file-${randomBytes(4).toString('hex')}`), randomBytes(bytes))
  await git(directory, 'add', '-A')
  await git(directory, 'commit', '-q', '-m', 'Change')
  return (await git(directory, 'rev-parse', 'HEAD')).stdout
}

async function tipOf(branch: string): Promise<string | undefined> {
  return (await forge.branches('acme/app')).find(({ name }) => name === branch)?.sha
}

test.each(['0', '1', '2'])('git clones with protocol version %s, and the token never comes in', async (version) => {
  const directory = path.join(root, 'clone')
  const options = ['-c', `protocol.version=${version}`, 'clone', '--depth=1', `${front.url}/Acme/App.git`, directory]
  expect(await git(root, ...options)).toMatchObject({ code: 0 })
  expect(await readdir(directory)).toContain('README.md')
  expect(forge.requests.every(({ headers }) => String(headers.authorization).startsWith('Basic '))).toBe(true)
  expect((await git(directory, 'config', '--list')).stdout).not.toContain(TOKEN)
  expect(rig.logLines.join('\n')).not.toContain(TOKEN)
})

test('a partial clone fetches what it lacks later', async () => {
  await git(forge.directoryOf('acme/app'), 'config', 'uploadpack.allowFilter', 'true')
  const directory = path.join(root, 'clone')
  const cloned = await git(
    root,
    'clone',
    '-q',
    '--filter=blob:none',
    '--no-checkout',
    `${front.url}/acme/app`,
    directory,
  )
  expect(cloned).toMatchObject({ code: 0 })
  expect(await git(directory, 'checkout', '-q', 'main')).toMatchObject({ code: 0, stderr: '' })
})

test('a repository of readRepos is fetched and never pushed; any other is neither', async () => {
  expect(await git(root, 'clone', '-q', `${front.url}/acme/lib`, 'lib')).toMatchObject({ code: 0 })
  await git(path.join(root, 'lib'), 'checkout', '-q', '-b', BRANCH)
  const push = await git(path.join(root, 'lib'), 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('remote: acme/lib may be fetched, never pushed: it is one of the agent')
  const other = await git(root, 'clone', '-q', `${front.url}/acme/other`, 'other')
  expect(other.code).not.toBe(0)
  expect(other.stderr).toContain('remote: acme/other is not a repository of this agent: it has acme/app, acme/lib.')
})

test('a push of the agent’s branch goes through and is recorded with its new tip, again and again', async () => {
  const directory = await cloneWithCommit()
  for (const oldSha of [ZERO, undefined]) {
    const before = grant.targetTip
    const push = await git(directory, 'push', '-q', 'origin', BRANCH)
    expect(push).toMatchObject({ code: 0 })
    const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
    expect(await tipOf(BRANCH)).toBe(head)
    expect(access.pushes.at(-1)).toEqual({
      ref: `refs/heads/${BRANCH}`,
      oldSha: oldSha ?? before,
      newSha: head,
      outcome: 'ok',
    })
    await commit(directory)
  }
})

test('a push over the buffer size is probed with a lone flush and then streamed', async () => {
  const directory = await cloneWithCommit(3 * 1024 * 1024)
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(front.requests.filter((line) => line.startsWith('POST /acme/app.git/git-receive-pack'))).toHaveLength(2)
  expect(
    forge.requests.filter(({ method, path: at }) => method === 'POST' && at.endsWith('git-receive-pack')),
  ).toHaveLength(1)
  expect(access.pushes).toHaveLength(1)
  expect(await tipOf(BRANCH)).toBe(access.pushes[0]?.newSha)
})

test.each([
  ['another branch', ['HEAD:refs/heads/main'], `only refs/heads/${BRANCH} may be pushed by this agent`],
  ['a tag', ['HEAD:refs/tags/v1'], `only refs/heads/${BRANCH} may be pushed by this agent`],
  ['two branches', [BRANCH, 'HEAD:refs/heads/more'], `one push updates one branch: push refs/heads/${BRANCH} alone`],
  ['push options', ['-o', 'ci.skip', BRANCH], 'push options are not supported: push without --push-option'],
])('git shows why a push of %s is refused, and nothing reaches the forge', async (_what, refs, reason) => {
  const directory = await cloneWithCommit()
  await git(forge.directoryOf('acme/app'), 'config', 'receive.advertisePushOptions', 'true')
  await git(directory, 'remote', 'set-url', '--push', 'origin', `${front.url}/acme/app`)
  const options = refs.filter((_, index) => refs[0] === '-o' && index < 2)
  const push = await git(directory, 'push', '-f', ...options, 'origin', ...refs.slice(options.length))
  expect(push.code).toBe(1)
  expect(push.stderr).toContain(`remote: berth: ${reason}`)
  expect(push.stderr).toContain(`(${reason})`)
  expect(forge.requests.filter(({ method }) => method === 'POST').map(({ path: at }) => at)).not.toContain(
    '/acme/app.git/git-receive-pack',
  )
  expect(access.pushes).toMatchObject([{ outcome: 'refused', reason }])
})

test('a large refused push shows its reason too, not a broken pipe', async () => {
  const directory = await cloneWithCommit(5 * 1024 * 1024)
  const push = await git(directory, 'push', 'origin', 'HEAD:refs/heads/other')
  expect(push.stderr).toContain(`remote: berth: only refs/heads/${BRANCH} may be pushed by this agent`)
  expect(push.stderr).toContain('[remote rejected]')
})

test('the branch cannot be deleted', async () => {
  const directory = await cloneWithCommit()
  await git(directory, 'push', '-q', 'origin', BRANCH)
  const push = await git(directory, 'push', 'origin', `:refs/heads/${BRANCH}`)
  expect(push.stderr).toContain('remote: berth: a branch cannot be deleted from a sandbox')
  expect(await tipOf(BRANCH)).toBe(grant.targetTip)
})

test('a person’s commits on the branch are never overwritten, not even by force', async () => {
  const directory = await cloneWithCommit()
  await git(directory, 'push', '-q', 'origin', BRANCH)
  const person = path.join(root, 'person')
  await git(root, 'clone', '-q', '-b', BRANCH, forge.directoryOf('acme/app'), person)
  const theirs = await commit(person)
  expect(await git(person, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  await commit(directory)
  const push = await git(directory, 'push', '--force', 'origin', BRANCH)
  expect(push.stderr).toContain(
    'remote: berth: the branch has commits that are not from this agent: fetch and merge first',
  )
  expect(await tipOf(BRANCH)).toBe(theirs)
})

test('what a hook of the forge says reaches git, and the push is recorded as refused', async () => {
  const directory = await cloneWithCommit()
  const hook = path.join(forge.directoryOf('acme/app'), 'hooks', 'pre-receive')
  await mkdir(path.dirname(hook), { recursive: true })
  await writeFile(hook, '#!/bin/sh\necho "no pushes on sundays" >&2\nexit 1\n', { mode: 0o755 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('remote: no pushes on sundays')
  expect(access.pushes).toMatchObject([{ outcome: 'refused', reason: 'pre-receive hook declined' }])
})

test('a renamed repository is cloned and pushed under its old name', async () => {
  await forge.renameRepository('acme/app', 'acme/renamed')
  const directory = await cloneWithCommit()
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push).toMatchObject({ code: 0 })
  expect(access.pushes).toMatchObject([{ outcome: 'ok' }])
})

test('a redirect to another host is not followed, and the token does not go there', async () => {
  forge.fail({
    status: 301,
    headers: { location: 'http://elsewhere.test/acme/app.git/info/refs?service=git-upload-pack' },
  })
  const cloned = await git(root, 'clone', `${front.url}/acme/app`)
  expect(cloned.stderr).toContain(
    'remote: The git host redirects to http://elsewhere.test, where Berth does not follow.',
  )
})

test.each([
  [401, 'repository_forbidden', 'answered 401 for acme/app'],
  [403, 'repository_forbidden', 'answered 403 for acme/app'],
  [404, 'repository_not_found', 'answered 404 for acme/app'],
  [500, 'upstream_failed', 'answered 500 for acme/app'],
])('a forge that answers %i is told to git in words, with a code', async (status, code, words) => {
  forge.fail({ status, times: 2 })
  const cloned = await git(root, 'clone', `${front.url}/acme/app`)
  expect(cloned.code).toBe(128)
  expect(cloned.stderr).toContain('remote: ')
  expect(cloned.stderr).toContain(words)
  const answer = await ask(session, {
    ':authority': 'git.berth',
    ':path': '/acme/app/info/refs?service=git-upload-pack',
  })
  expect(answer.headers['x-berth-refusal']).toBe(code)
})

test('without a token a push says that there is none', async () => {
  const directory = await cloneWithCommit()
  grant.token = null
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('There is no token: set GITHUB_TOKEN to one that may push to it.')
})

test('a forge that fails in the middle of a push is told as git’s own report', async () => {
  const directory = await cloneWithCommit(3 * 1024 * 1024)
  forge.fail({ match: /^POST .*receive-pack/, status: 503 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toMatch(/remote: berth: .* answered 503 for acme\/app/)
  expect(access.pushes).toMatchObject([{ outcome: 'refused' }])
})

test('a push whose report is lost is recorded as what the branch says', async () => {
  const directory = await cloneWithCommit()
  const bare = forge.directoryOf('acme/app')
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  await git(bare, 'fetch', '-q', directory, `${BRANCH}:${BRANCH}`)
  forge.fail({ match: /^POST .*receive-pack/, drop: true })
  grant.targetTip = (await git(bare, 'rev-parse', 'main')).stdout
  const answer = await pushRaw([`${grant.targetTip} ${head} refs/heads/${BRANCH}\0 report-status`])
  expect(answer.body).toContain(`ok refs/heads/${BRANCH}`)
  expect(access.pushes).toMatchObject([{ outcome: 'ok', newSha: head }])
})

test('a refused push is answered only when all of it has been read away', async () => {
  const stream = session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  let answered = false
  const answer = readAnswer(stream).then((whole) => {
    answered = true
    return whole
  })
  stream.write(encodePktLine(`${ZERO} ${SOME} refs/heads/main\0 report-status`))
  stream.write('0000PACK')
  while (access.pushes.length === 0) await new Promise(setImmediate)
  for (let sent = 0; sent < 8; sent += 1) {
    const written = Promise.withResolvers<unknown>()
    stream.write(Buffer.alloc(1024 * 1024), written.resolve)
    await written.promise
  }
  expect(answered).toBe(false)
  stream.end()
  expect((await answer).body).toContain('ng refs/heads/main only refs/heads/')
})

test('a push that the sandbox breaks off is broken off at the forge, and recorded as refused', async () => {
  const stream = session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  stream.on('error', () => {})
  stream.write(encodePktLine(`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`))
  stream.write('0000PACK')
  while (!forge.requests.some(({ path: at }) => at.endsWith('git-receive-pack'))) await new Promise(setImmediate)
  stream.destroy(new Error('broken off'))
  while (access.pushes.length === 0) await new Promise(setImmediate)
  expect(access.pushes).toMatchObject([{ outcome: 'refused', reason: 'the push was broken off in the sandbox' }])
  expect(await tipOf(BRANCH)).toBeUndefined()
})

test('a forge that accepts a request and never answers is told after the idle time', async () => {
  await front.close()
  await rig.close()
  rig = createTunnelRig({ access: { git: access.access }, timeouts: { idleMs: 200 } })
  front = await startGitFront(await rig.connect('control'))
  forge.fail({ hang: true })
  const cloned = await git(root, 'clone', `${front.url}/acme/app`)
  expect(cloned.stderr).toContain('remote: The git host did not answer: ')
  expect(cloned.stderr).toContain('no answer and no progress for 200 ms')
})

const RAW_PUSH = { ':method': 'POST', ':authority': 'git.berth', ':path': '/acme/app.git/git-receive-pack' }

/** A push as bytes: lines, a flush, and a pack that is none. */
async function pushRaw(lines: string[], encode: (body: Buffer) => Buffer = (body) => body, headers = {}) {
  const body = Buffer.concat([
    ...lines.map((line) => encodePktLine(line)),
    Buffer.from('0000'),
    Buffer.from('PACK....'),
  ])
  return ask(
    session,
    {
      ...RAW_PUSH,
      'content-type': 'application/x-git-receive-pack-request',
      ...headers,
    },
    encode(body),
  )
}

const SOME = 'a'.repeat(40)

test('a gzipped push is read as well, and refused or forwarded plain', async () => {
  const refused = await pushRaw([`${ZERO} ${SOME} refs/heads/main\0 report-status`], gzipSync, {
    'content-encoding': 'gzip',
  })
  expect(refused.body).toContain(`ng refs/heads/main only refs/heads/${BRANCH} may be pushed by this agent`)
  await pushRaw([`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`], gzipSync, { 'content-encoding': 'gzip' })
  const forwarded = forge.requests.find(({ path: at }) => at.endsWith('git-receive-pack'))
  expect(forwarded?.headers['content-encoding']).toBeUndefined()
  expect(access.pushes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused'])
})

test.each([
  [
    'a push certificate',
    ['push-cert\0 report-status', 'certificate version 0.1', `${ZERO} ${SOME} refs/heads/${BRANCH}`],
    200,
    'signed pushes',
  ],
  [
    'a second command',
    [`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`, `${ZERO} ${SOME} refs/heads/main`],
    200,
    'one push updates one branch',
  ],
  [
    'shallow lines after the command',
    [`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`, `shallow ${SOME}`],
    400,
    'is not a command',
  ],
  ['words that are no command', ['hello'], 400, 'is not a command'],
  ['no command at all', [], 400, 'no command'],
  ['no form of report asked', [`${ZERO} ${SOME} refs/heads/main\0 quiet`], 403, 'only refs/heads/'],
])('raw bytes with %s do not pass', async (_what, lines, status, words) => {
  const answer = await pushRaw(lines)
  expect(answer.status).toBe(status)
  expect(answer.body).toContain(words)
  expect(forge.requests).toEqual([])
})

test('bytes that are no pkt-lines, no gzip, or of another type are refused with words', async () => {
  expect(await pushRaw([], () => Buffer.from('zzzz'))).toMatchObject({ status: 400 })
  expect(await pushRaw([], () => Buffer.from('00'))).toMatchObject({ status: 400 })
  expect(await pushRaw([], (body) => body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 })
  expect(await pushRaw([], (body) => body, { 'content-encoding': 'br' })).toMatchObject({ status: 415 })
  expect(await pushRaw([], (body) => body, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
})

test.each([
  ['GET', '/acme/app.git/info/refs'],
  ['GET', '/acme/app.git/info/refs?service=git-upload-archive'],
  ['GET', '/acme/app.git/info/refs?service=git-upload-pack&x=1'],
  ['GET', '/acme/app.git/HEAD'],
  ['GET', '/acme/../acme/app.git/info/refs?service=git-upload-pack'],
  ['GET', '/acme/%61pp.git/info/refs?service=git-upload-pack'],
  ['GET', '/../app/info/refs?service=git-upload-pack'],
  ['POST', '/acme/app.git/info/lfs/objects/batch'],
  ['DELETE', '/acme/app.git/git-receive-pack'],
])('%s %s is no route', async (method, at) => {
  const answer = await ask(session, { ':method': method, ':authority': 'git.berth', ':path': at }, '')
  expect(answer.status).toBe(403)
  expect(answer.headers['x-berth-refusal']).toBe('git_route_not_served')
  expect(forge.requests).toEqual([])
})
