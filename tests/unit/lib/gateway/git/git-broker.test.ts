import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BRANCH, type BrokerRig, FORGE_TOKEN, startBrokerRig } from '../../../../support/broker-rig.ts'
import { git } from '../../../../support/git-front.ts'
import { ask } from '../../../../support/tunnel-rig.ts'

let rig: BrokerRig

beforeEach(async () => {
  rig = await startBrokerRig()
})
afterEach(() => rig.close())

test.each(['0', '1', '2'])('git clones with protocol version %s, and the token never comes in', async (version) => {
  const directory = path.join(rig.root, 'clone')
  const options = [
    '-c',
    `protocol.version=${version}`,
    'clone',
    '--depth=1',
    `${rig.front.url}/Acme/App.git`,
    directory,
  ]
  expect(await git(rig.root, ...options)).toMatchObject({ code: 0 })
  expect(await readdir(directory)).toContain('README.md')
  expect(rig.forge.requests.every(({ headers }) => String(headers.authorization).startsWith('Basic '))).toBe(true)
  expect((await git(directory, 'config', '--list')).stdout).not.toContain(FORGE_TOKEN)
  expect(rig.tunnel.logLines.join('\n')).not.toContain(FORGE_TOKEN)
})

test('a partial clone fetches what it lacks later', async () => {
  await git(rig.forge.directoryOf('acme/app'), 'config', 'uploadpack.allowFilter', 'true')
  const directory = path.join(rig.root, 'clone')
  const cloned = await git(
    rig.root,
    'clone',
    '-q',
    '--filter=blob:none',
    '--no-checkout',
    `${rig.front.url}/acme/app`,
    directory,
  )
  expect(cloned).toMatchObject({ code: 0 })
  expect(await git(directory, 'checkout', '-q', 'main')).toMatchObject({ code: 0, stderr: '' })
})

test('a repository of readRepos is fetched and never pushed; any other is neither', async () => {
  expect(await git(rig.root, 'clone', '-q', `${rig.front.url}/acme/lib`, 'lib')).toMatchObject({ code: 0 })
  await git(path.join(rig.root, 'lib'), 'checkout', '-q', '-b', BRANCH)
  const push = await git(path.join(rig.root, 'lib'), 'push', 'origin', BRANCH)
  expect(push.stderr).toContain('remote: acme/lib may be fetched, never pushed: it is one of the agent')
  const other = await git(rig.root, 'clone', '-q', `${rig.front.url}/acme/other`, 'other')
  expect(other.code).not.toBe(0)
  expect(other.stderr).toContain('remote: acme/other is not a repository of this agent: it has acme/app, acme/lib.')
  // A fetch that is refused is none.
  expect(rig.pushes).toMatchObject([
    { repository: 'acme/lib', outcome: 'refused', reason: expect.stringContaining('may be fetched, never pushed') },
  ])
})

test('a redirect to another host is not followed, and the token does not go there', async () => {
  rig.forge.fail({
    status: 301,
    headers: { location: 'http://elsewhere.test/acme/app.git/info/refs?service=git-upload-pack' },
  })
  const cloned = await git(rig.root, 'clone', `${rig.front.url}/acme/app`)
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
  rig.forge.fail({ status, times: 2 })
  const cloned = await git(rig.root, 'clone', `${rig.front.url}/acme/app`)
  expect(cloned.code).toBe(128)
  expect(cloned.stderr).toContain('remote: ')
  expect(cloned.stderr).toContain(words)
  const answer = await ask(rig.session, {
    ':authority': 'git.berth',
    ':path': '/acme/app/info/refs?service=git-upload-pack',
  })
  expect(answer.headers['x-berth-refusal']).toBe(code)
})

test('a forge that accepts a request and never answers is told after the idle time', async () => {
  await rig.close()
  rig = await startBrokerRig({ timeouts: { idleMs: 200 } })
  rig.forge.fail({ hang: true })
  const cloned = await git(rig.root, 'clone', `${rig.front.url}/acme/app`)
  expect(cloned.stderr).toContain('remote: The git host did not answer: ')
  expect(cloned.stderr).toContain('no answer and no progress for 200 ms')
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
  const answer = await ask(rig.session, { ':method': method, ':authority': 'git.berth', ':path': at }, '')
  expect(answer.status).toBe(403)
  expect(answer.headers['x-berth-refusal']).toBe('git_route_not_served')
  expect(rig.forge.requests).toEqual([])
})
