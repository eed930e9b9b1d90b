import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { deflateSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodePktLine, FLUSH_PKT } from '../../../../../lib/gateway/git/pkt-line.ts'
import { MAX_UNPACKED_BYTES } from '../../../../../lib/gateway/git/push-body.ts'
import { gitEnvironment } from '../../../../../scripts/stand-ins/forge/git.ts'
import { BRANCH, type BrokerRig, startBrokerRig } from '../../../../support/broker-rig.ts'
import { git } from '../../../../support/git-front.ts'
import { ask, readAnswer } from '../../../../support/tunnel-rig.ts'

const ZERO = '0'.repeat(40)

let rig: BrokerRig

beforeEach(async () => {
  rig = await startBrokerRig()
})
afterEach(() => rig.close())

test('a push of the agent’s branch goes through and is recorded with its new tip, again and again', async () => {
  const directory = await rig.cloneWithCommit()
  for (const oldSha of [ZERO, undefined]) {
    const before = rig.grant.targetTip
    const push = await git(directory, 'push', '-q', 'origin', BRANCH)
    expect(push).toMatchObject({ code: 0 })
    const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
    expect(await rig.tipOf(BRANCH)).toBe(head)
    expect(rig.pushes.at(-1)).toEqual({
      ref: `refs/heads/${BRANCH}`,
      oldSha: oldSha ?? before,
      newSha: head,
      outcome: 'ok',
    })
    await rig.commit(directory)
  }
})

test('a push over the buffer size is probed with a lone flush and then streamed', async () => {
  const directory = await rig.cloneWithCommit(3 * 1024 * 1024)
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(rig.front.requests.filter((line) => line.startsWith('POST /acme/app.git/git-receive-pack'))).toHaveLength(2)
  expect(
    rig.forge.requests.filter(({ method, path: at }) => method === 'POST' && at.endsWith('git-receive-pack')),
  ).toHaveLength(1)
  expect(rig.pushes).toHaveLength(1)
  expect(await rig.tipOf(BRANCH)).toBe(rig.pushes[0]?.newSha)
})

test.each([
  ['another branch', ['HEAD:refs/heads/main'], `only refs/heads/${BRANCH} may be pushed by this agent`],
  ['a tag', ['HEAD:refs/tags/v1'], `only refs/heads/${BRANCH} may be pushed by this agent`],
  ['two branches', [BRANCH, 'HEAD:refs/heads/more'], `one push updates one branch: push refs/heads/${BRANCH} alone`],
  ['push options', ['-o', 'ci.skip', BRANCH], 'push options are not supported: push without --push-option'],
])('git shows why a push of %s is refused, and nothing reaches the forge', async (_what, refs, reason) => {
  const directory = await rig.cloneWithCommit()
  await git(rig.forge.directoryOf('acme/app'), 'config', 'receive.advertisePushOptions', 'true')
  await git(directory, 'remote', 'set-url', '--push', 'origin', `${rig.front.url}/acme/app`)
  const options = refs.filter((_, index) => refs[0] === '-o' && index < 2)
  const push = await git(directory, 'push', '-f', ...options, 'origin', ...refs.slice(options.length))
  expect(push.code).toBe(1)
  expect(push.stderr).toContain(`remote: berth: ${reason}`)
  expect(push.stderr).toContain(`(${reason})`)
  expect(rig.forge.requests.filter(({ method }) => method === 'POST').map(({ path: at }) => at)).not.toContain(
    '/acme/app.git/git-receive-pack',
  )
  expect(rig.pushes).toMatchObject([{ outcome: 'refused', reason }])
})

test('a large refused push shows its reason too, not a broken pipe', async () => {
  const directory = await rig.cloneWithCommit(5 * 1024 * 1024)
  const push = await git(directory, 'push', 'origin', 'HEAD:refs/heads/other')
  expect(push.stderr).toContain(`remote: berth: only refs/heads/${BRANCH} may be pushed by this agent`)
  expect(push.stderr).toContain('[remote rejected]')
})

test('the branch cannot be deleted', async () => {
  const directory = await rig.cloneWithCommit()
  await git(directory, 'push', '-q', 'origin', BRANCH)
  const push = await git(directory, 'push', 'origin', `:refs/heads/${BRANCH}`)
  expect(push.stderr).toContain('remote: berth: a branch cannot be deleted from a sandbox')
  expect(await rig.tipOf(BRANCH)).toBe(rig.grant.targetTip)
})

const DROPS_COMMITS =
  'the branch has commits that are not from this agent, and this push would drop them: fetch, merge or rebase onto them, and push without force'

/** The agent pushed, then a person committed on top of it, then the agent committed beside that. */
async function cloneWithParting(): Promise<{ directory: string; theirs: string }> {
  const directory = await rig.cloneWithCommit()
  await git(directory, 'push', '-q', 'origin', BRANCH)
  const theirs = await rig.commitAsPerson()
  await rig.commit(directory)
  return { directory, theirs }
}

test('a person’s commits on the branch are never overwritten, not even by force', async () => {
  const { directory, theirs } = await cloneWithParting()
  const push = await git(directory, 'push', '--force', 'origin', BRANCH)
  expect(push.stderr).toContain(`remote: berth: ${DROPS_COMMITS}`)
  expect(push.stderr).toContain(`! [remote rejected] ${BRANCH} -> ${BRANCH} (${DROPS_COMMITS})`)
  expect(rig.pushes.at(-1)).toMatchObject({ outcome: 'refused', reason: DROPS_COMMITS, oldSha: theirs })
  expect(await rig.tipOf(BRANCH)).toBe(theirs)
})

test.each(['--no-rebase', '--rebase'])(
  'after git pull %s the agent pushes on top of a person’s commits',
  async (how) => {
    const { directory } = await cloneWithParting()
    expect(await git(directory, 'pull', '-q', how, '--no-edit', 'origin', BRANCH)).toMatchObject({ code: 0 })
    expect(await git(directory, 'push', 'origin', BRANCH)).toMatchObject({ code: 0 })
    const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
    expect(await rig.tipOf(BRANCH)).toBe(head)
    expect(rig.grant.targetTip).toBe(head)
  },
)

test('a large push on top of a person’s commits goes through whole', async () => {
  const { directory } = await cloneWithParting()
  await rig.commit(directory, 5 * 1024 * 1024)
  await git(directory, 'pull', '-q', '--no-rebase', '--no-edit', 'origin', BRANCH)
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(await git(rig.forge.directoryOf('acme/app'), 'fsck', '--connectivity-only')).toMatchObject({ code: 0 })
  expect(await rig.tipOf(BRANCH)).toBe((await git(directory, 'rev-parse', 'HEAD')).stdout)
})

test('a shallow clone pushes on top of a person’s commits', async () => {
  await cloneWithParting()
  const shallow = path.join(rig.root, 'shallow')
  await git(rig.root, 'clone', '-q', '--depth=1', '-b', BRANCH, `${rig.front.url}/acme/app`, shallow)
  const head = await rig.commit(shallow)
  expect(await git(shallow, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(await rig.tipOf(BRANCH)).toBe(head)
})

test('a push from where the branch no longer is says so, and nothing is forwarded', async () => {
  const { directory, theirs } = await cloneWithParting()
  const answer = await pushRaw([`${rig.grant.targetTip} ${theirs} refs/heads/${BRANCH}\0 report-status`])
  const reason = `the branch is at ${theirs.slice(0, 7)} on the git host meanwhile: fetch it and look, then push again`
  expect(answer.body).toContain(`ng refs/heads/${BRANCH} ${reason}`)
  const anew = await pushRaw([`${ZERO} ${theirs} refs/heads/${BRANCH}\0 report-status`])
  expect(anew.body).toContain(reason)
  expect(forwarded()).toHaveLength(1)
  // Not the agent's own now: it still may not be dropped.
  const force = await git(directory, 'push', '--force', 'origin', BRANCH)
  expect(force.stderr).toContain(DROPS_COMMITS)
})

/** Pushes that reached the forge. */
function forwarded() {
  return rig.forge.requests.filter(({ method, path: at }) => method === 'POST' && at.endsWith('git-receive-pack'))
}

test('what a hook of the forge says reaches git, and the push is recorded as refused', async () => {
  const directory = await rig.cloneWithCommit()
  const hook = path.join(rig.forge.directoryOf('acme/app'), 'hooks', 'pre-receive')
  await mkdir(path.dirname(hook), { recursive: true })
  await writeFile(hook, '#!/bin/sh\necho "no pushes on sundays" >&2\nexit 1\n', { mode: 0o755 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('remote: no pushes on sundays')
  expect(rig.pushes).toMatchObject([{ outcome: 'refused', reason: 'pre-receive hook declined' }])
})

test('without a token a push says that there is none', async () => {
  const directory = await rig.cloneWithCommit()
  rig.grant.token = null
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('There is no token: set GITHUB_TOKEN to one that may push to it.')
})

test('a forge that fails in the middle of a push is told as git’s own report', async () => {
  const directory = await rig.cloneWithCommit(3 * 1024 * 1024)
  rig.forge.fail({ match: RECEIVE, status: 503 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toMatch(/remote: berth: .* answered 503 for acme\/app/)
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown' }])
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
})

const RECEIVE = /^POST .*receive-pack/
const UPLOAD = /upload-pack/

test.each([
  ['before its first byte', { cutAnswerAfter: 0 }],
  ['in the middle of a report', { cutAnswerAfter: 20 }],
])('a report that is cut off %s: the branch is asked, and git hears what it says', async (_where, failure) => {
  const directory = await rig.cloneWithCommit()
  rig.forge.fail({ match: RECEIVE, ...failure })
  const push = await git(directory, 'push', '--porcelain', 'origin', BRANCH)
  expect(push).toMatchObject({ code: 0, stderr: '' })
  expect(push.stdout).toContain('[new branch]')
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  expect(rig.pushes).toMatchObject([{ outcome: 'ok', newSha: head }])
  // Known to be the agent's own: it may be rewritten.
  await git(directory, 'commit', '-q', '--amend', '-m', 'Other words')
  expect(await git(directory, 'push', '-q', '--force', 'origin', BRANCH)).toMatchObject({ code: 0 })
})

test('a report that is lost, and a branch that cannot be asked: unknown, and the next push goes on from there', async () => {
  const directory = await rig.cloneWithCommit()
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  rig.forge.fail({ match: RECEIVE, cutAnswerAfter: 0 })
  // Where it is, is asked in two requests before it is pushed.
  rig.forge.fail({ match: UPLOAD, after: 2, drop: true })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toMatch(/remote: berth: .* \(and the branch could not be asked: fetch it and look\)/)
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown', newSha: head }])
  expect(await rig.tipOf(BRANCH)).toBe(head)
  expect(rig.grant.targetTip).toBeNull()

  const next = await rig.commit(directory)
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(rig.grant.targetTip).toBe(next)
})

test('a push whose connection is cut on the way leaves the branch, and the next one goes through', async () => {
  const directory = await rig.cloneWithCommit(3 * 1024 * 1024)
  rig.forge.fail({ match: RECEIVE, cutRequestAfter: 1024 * 1024 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toMatch(/remote: berth: .*ECONNRESET.* \(the branch has not moved so far\)/)
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown' }])
  expect(await rig.tipOf(BRANCH)).toBeUndefined()
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
})

test('a forge that refuses without reading the pack is heard', async () => {
  const directory = await rig.cloneWithCommit(5 * 1024 * 1024)
  const words = { status: 403, unread: true, body: 'You may not.', headers: { 'content-type': 'text/plain' } }
  rig.forge.fail({ match: RECEIVE, ...words })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('answered 403 for acme/app: You may not.. Use a token that may push to it.')
  expect(rig.pushes).toMatchObject([{ outcome: 'refused' }])
})

test('a report that comes before the pack is read ends the push', async () => {
  const directory = await rig.cloneWithCommit(5 * 1024 * 1024)
  const ref = `refs/heads/${BRANCH}`
  const report = Buffer.concat([encodePktLine('unpack too large\n'), encodePktLine(`ng ${ref} too large\n`), FLUSH_PKT])
  const banded = Buffer.concat([encodePktLine(Buffer.concat([Buffer.from([1]), report])), FLUSH_PKT])
  const headers = { 'content-type': 'application/x-git-receive-pack-result' }
  rig.forge.fail({ match: RECEIVE, status: 200, unread: true, headers, body: banded.toString('latin1') })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('(too large)')
  expect(rig.pushes).toMatchObject([{ outcome: 'refused', reason: 'unpack too large' }])
})

test.each([
  ['no pkt-lines', '<html>busy</html>'],
  ['nothing', ''],
  ['a report of another ref', '0013\u0001000eunpack ok\n0000'],
  ['a report without an end', '0013\u0001000eunpack ok\n'],
])('a forge that reports with %s never reaches git: the branch is asked', async (_what, body) => {
  const directory = await rig.cloneWithCommit()
  const headers = { 'content-type': 'application/x-git-receive-pack-result' }
  rig.forge.fail({ match: RECEIVE, status: 200, headers, body })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('remote: berth: the git host gave no report (the branch has not moved so far)')
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown' }])
})

test.each([
  ['500', { status: 500 }, 'answered 500 for acme/app'],
  ['a page', { status: 200, body: '<html>' }, 'answered 200 for acme/app, but not with git'],
  [
    'garbage',
    { status: 200, body: 'garbage', headers: { 'content-type': 'application/x-git-upload-pack-advertisement' } },
    `The git host did not say where refs/heads/${BRANCH} is: "garb" is not the length of a pkt-line.`,
  ],
])('a forge that answers with %s where the branch is: nothing is forwarded', async (_what, failure, words) => {
  const directory = await rig.cloneWithCommit()
  rig.forge.fail({ match: UPLOAD, ...failure })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toContain(`remote: berth: `)
  expect(push.stderr).toContain(words)
  expect(rig.pushes).toMatchObject([{ outcome: 'refused' }])
  expect(forwarded()).toEqual([])
})

test('a refused push is answered only when all of it has been read away', async () => {
  const stream = rig.session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  let answered = false
  const answer = readAnswer(stream).then((whole) => {
    answered = true
    return whole
  })
  stream.write(encodePktLine(`${ZERO} ${SOME} refs/heads/main\0 report-status`))
  stream.write('0000PACK')
  while (rig.pushes.length === 0) await new Promise(setImmediate)
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
  const stream = rig.session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  stream.on('error', () => {})
  stream.write(encodePktLine(`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`))
  stream.write('0000PACK')
  while (forwarded().length === 0) await new Promise(setImmediate)
  stream.destroy(new Error('broken off'))
  while (rig.pushes.length === 0) await new Promise(setImmediate)
  const reason = 'the push was broken off in the sandbox (the branch has not moved so far)'
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown', reason }])
  expect(await rig.tipOf(BRANCH)).toBeUndefined()
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
    rig.session,
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
  const forwarded = rig.forge.requests.find(({ path: at }) => at.endsWith('git-receive-pack'))
  expect(forwarded?.headers['content-encoding']).toBeUndefined()
  expect(rig.pushes.map(({ outcome }) => outcome)).toEqual(['refused', 'refused'])
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
  expect(rig.forge.requests).toEqual([])
})

test('bytes that are no pkt-lines, no gzip, or of another type are refused with words', async () => {
  expect(await pushRaw([], () => Buffer.from('zzzz'))).toMatchObject({ status: 400 })
  expect(await pushRaw([], () => Buffer.from('00'))).toMatchObject({ status: 400 })
  expect(await pushRaw([], (body) => body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 })
  expect(await pushRaw([], (body) => body, { 'content-encoding': 'br' })).toMatchObject({ status: 415 })
  expect(await pushRaw([], (body) => body, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
})

const GZIP = { 'content-encoding': 'gzip' }

test('a compressed push that unpacks beyond its bound is broken off, and told in words', async () => {
  rig.forge.fail({ match: RECEIVE, hang: true })
  const bomb = (body: Buffer) => gzipSync(Buffer.concat([body, Buffer.alloc(MAX_UNPACKED_BYTES)]))
  const answer = await pushRaw([`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`], bomb, GZIP)
  const words = `a compressed push may unpack to at most ${MAX_UNPACKED_BYTES} bytes: send it plain`
  expect(answer.body).toContain(`ng refs/heads/${BRANCH} ${words}`)
  expect(rig.pushes).toMatchObject([{ outcome: 'refused', reason: words }])
})

test('a refused compressed push is read away as it comes, not unpacked', async () => {
  const broken = (body: Buffer) => {
    const packed = gzipSync(Buffer.concat([body, randomBytes(4 * 1024 * 1024)]))
    // Whoever unpacks it all finds out.
    return packed.fill(0xff, 2 * 1024 * 1024)
  }
  const answer = await pushRaw([`${ZERO} ${SOME} refs/heads/main\0 report-status`], broken, GZIP)
  expect(answer.body).toContain('ng refs/heads/main only refs/heads/')
  expect(rig.pushes).toHaveLength(1)
})

test('progress that the sandbox does not read is not kept, and what came of the push is known', async () => {
  const directory = await rig.cloneWithCommit()
  const hook = path.join(rig.forge.directoryOf('acme/app'), 'hooks', 'pre-receive')
  await mkdir(path.dirname(hook), { recursive: true })
  await writeFile(hook, '#!/bin/sh\nhead -c 20000000 /dev/zero | tr "\\0" "x\\n" >&2\n', { mode: 0o755 })
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  const base = (await git(directory, 'rev-parse', 'HEAD~1')).stdout
  const pack = await makePack(directory, `${head}\n^${base}\n`)
  const stream = rig.session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  stream.on('error', () => {})
  stream.write(encodePktLine(`${ZERO} ${head} refs/heads/${BRANCH}\0 report-status side-band-64k`))
  stream.end(Buffer.concat([FLUSH_PKT, pack]))
  while (rig.pushes.length === 0) await new Promise(setImmediate)
  expect(rig.pushes).toMatchObject([{ outcome: 'ok', newSha: head }])
  expect(await rig.tipOf(BRANCH)).toBe(head)
})

test('a client that asks for no report has its push recorded as what the branch says', async () => {
  const directory = await rig.cloneWithCommit()
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  const base = (await git(directory, 'rev-parse', 'HEAD~1')).stdout
  const pack = await makePack(directory, `${head}\n^${base}\n`)
  const lines = [encodePktLine(`${ZERO} ${head} refs/heads/${BRANCH}\0 quiet`), FLUSH_PKT, pack]
  const answer = await pushRaw([], () => Buffer.concat(lines))
  expect(answer).toMatchObject({ status: 200, body: '' })
  expect(rig.pushes).toMatchObject([{ outcome: 'ok', newSha: head }])
})

async function makePack(directory: string, revisions: string): Promise<Buffer> {
  const args = ['pack-objects', '--quiet', '--revs', '--stdout', '--thin']
  const child = spawn('git', args, { cwd: directory, env: await gitEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.end(revisions)
  return buffer(child.stdout)
}

test('a push that is left while the forge does not read is given up at once', async () => {
  rig.forge.fail({ match: RECEIVE, stallAfter: 1024 * 1024 })
  const blob = deflateSync(randomBytes(64 * 1024 * 1024), { level: 0 })
  const stream = rig.session.request({ ...RAW_PUSH, 'content-type': 'application/x-git-receive-pack-request' })
  stream.on('error', () => {})
  stream.write(encodePktLine(`${ZERO} ${SOME} refs/heads/${BRANCH}\0 report-status`))
  stream.write(Buffer.concat([FLUSH_PKT, Buffer.from('PACK\0\0\0\x02\0\0\0\x01\xb0\x80\x80\x80\x02', 'latin1'), blob]))
  // Until what lies between the two is full.
  let before = 0
  const isStill = () => {
    const [now = 0, last] = [forwarded()[0]?.receivedBytes, before]
    before = now
    return now > 0 && now === last
  }
  await expect.poll(isStill, { interval: 200, timeout: 10_000 }).toBe(true)
  stream.destroy(new Error('broken off'))
  await expect.poll(() => rig.pushes.length).toBe(1)
  const reason = 'the push was broken off in the sandbox (the branch has not moved so far)'
  expect(rig.pushes).toMatchObject([{ outcome: 'unknown', reason }])
})
