import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodePktLine } from '../../../../../lib/gateway/git/pkt-line.ts'
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

test('a person’s commits on the branch are never overwritten, not even by force', async () => {
  const directory = await rig.cloneWithCommit()
  await git(directory, 'push', '-q', 'origin', BRANCH)
  const theirs = await rig.commitAsPerson()
  await rig.commit(directory)
  const push = await git(directory, 'push', '--force', 'origin', BRANCH)
  expect(push.stderr).toContain(
    'remote: berth: the branch has commits that are not from this agent: fetch and merge first',
  )
  expect(await rig.tipOf(BRANCH)).toBe(theirs)
})

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
  rig.forge.fail({ match: /^POST .*receive-pack/, status: 503 })
  const push = await git(directory, 'push', 'origin', BRANCH)
  expect(push.stderr).toMatch(/remote: berth: .* answered 503 for acme\/app/)
  expect(rig.pushes).toMatchObject([{ outcome: 'refused' }])
})

test('a push whose report is lost is recorded as what the branch says', async () => {
  const directory = await rig.cloneWithCommit()
  const bare = rig.forge.directoryOf('acme/app')
  const head = (await git(directory, 'rev-parse', 'HEAD')).stdout
  await git(bare, 'fetch', '-q', directory, `${BRANCH}:${BRANCH}`)
  rig.forge.fail({ match: /^POST .*receive-pack/, drop: true })
  rig.grant.targetTip = (await git(bare, 'rev-parse', 'main')).stdout
  const answer = await pushRaw([`${rig.grant.targetTip} ${head} refs/heads/${BRANCH}\0 report-status`])
  expect(answer.body).toContain(`ok refs/heads/${BRANCH}`)
  expect(rig.pushes).toMatchObject([{ outcome: 'ok', newSha: head }])
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
  while (!rig.forge.requests.some(({ path: at }) => at.endsWith('git-receive-pack'))) await new Promise(setImmediate)
  stream.destroy(new Error('broken off'))
  while (rig.pushes.length === 0) await new Promise(setImmediate)
  expect(rig.pushes).toMatchObject([{ outcome: 'refused', reason: 'the push was broken off in the sandbox' }])
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
