/** Pushes and fetches that break off in the middle, and git hosts that misbehave: what git shows, and what is known afterwards. */
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { SAMPLE_FOLDER, sampleCase } from '../../scripts/demo/sample-case.ts'
import type { Failure } from '../../scripts/stand-ins/forge/failures.ts'
import { type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { type BrokerAttempts, commitOf, openAttempts } from '../support/broker-attempts.ts'
import { FORGE_TOKEN } from '../support/e2e-outside.ts'
import { describeBoundary } from './describe-boundary.ts'

const REPOSITORY = sampleCase.repo
const MOVING = 'sample/moving'
const MOVED = 'sample/moved'
const MIB = 1024 * 1024
const LARGE_BYTES = 20 * MIB
/** Longer than a forge of this machine takes for anything, shorter than a test. */
const IDLE_MS = 6_000

const FETCH = /^GET .*upload-pack/
const PUSH = /^GET .*receive-pack/
const RECEIVE = /^POST .*receive-pack/
const UPLOAD = /upload-pack/
const BASIC = Buffer.from(`x-access-token:${FORGE_TOKEN}`).toString('base64')

let rig: BoundaryRig
let attempts: BrokerAttempts

beforeAll(async () => {
  const repositories = [REPOSITORY, MOVING].map((fullName) => ({ fullName, from: SAMPLE_FOLDER }))
  rig = await startBoundary({ repositories, timeouts: { idleMs: IDLE_MS } })
  attempts = await openAttempts(rig, await rig.startAgent())
})
beforeEach(() => attempts.reset())
afterAll(() => rig?.close())

/** Nothing has moved, on the forge or in the record. */
async function expectUntouched(tip: string | undefined): Promise<void> {
  expect(await attempts.tip()).toBe(tip)
  expect(await attempts.recordedTip()).toBe(tip ?? null)
}

/** A forge that answers so: what git shows of it, whatever it does; then everything works again. */
async function expectTold(failure: Failure, words: string): Promise<void> {
  const tip = await attempts.tip()
  await attempts.run(commitOf(10))
  rig.forge.fail({ match: FETCH, ...failure })
  const fetched = await attempts.agent.sh('git fetch origin')
  expect(fetched).toMatchObject({ exitCode: 128, output: expect.stringContaining(`remote: ${words}`) })
  rig.forge.fail({ match: PUSH, ...failure })
  const asked = await attempts.agent.sh('git push origin HEAD')
  expect(asked).toMatchObject({ exitCode: 128, output: expect.stringContaining(`remote: ${words}`) })
  for (const match of [/^POST .*upload-pack/, RECEIVE]) {
    rig.forge.fail({ match, ...failure })
    const { exitCode, output, event } = await attempts.push('git push origin HEAD')
    expect({ exitCode, output }).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining(`remote: berth: ${words}`),
    })
    expect(output).toMatch(/! \[remote rejected\]/)
    const reason = expect.stringContaining(words)
    expect(event.data).toMatchObject({ ref: attempts.ref, reason })
    expect(event.data.outcome).not.toBe('ok')
  }
  await expectUntouched(tip)
  await attempts.expectThrough('git push -q origin HEAD')
}

const answered = (status: number) => `${new URL(rig.forge.url).host} answered ${status} for ${REPOSITORY}`
const expectStatus = (status: number) => expectTold({ status }, answered(status))

describeBoundary('broker', ({ attempt }) => {
  attempt('a push that the git host cuts off', async () => {
    const tip = await attempts.tip()
    await attempts.run(commitOf(LARGE_BYTES))
    rig.forge.fail({ match: RECEIVE, cutRequestAfter: 2 * MIB })
    const { exitCode, output, event } = await attempts.push('git push origin HEAD')
    expect({ exitCode, output }).toMatchObject({
      exitCode: 1,
      output: expect.stringMatching(/remote: berth: .*ECONNRESET/),
    })
    expect(event.data).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining('has not moved so far') })
    await expectUntouched(tip)
    await attempts.expectThrough('git push -q origin HEAD')
  })

  attempt('a push whose report is lost', async () => {
    await attempts.run(commitOf(10))
    rig.forge.fail({ match: RECEIVE, cutAnswerAfter: 0 })
    await attempts.expectThrough('git push -q origin HEAD')
    await attempts.expectThrough('git commit -q --amend -m "Other words" && git push -q --force origin HEAD')
  })

  attempt('a push of which nobody knows what became', async () => {
    const recorded = await attempts.recordedTip()
    await attempts.run(commitOf(10))
    rig.forge.fail({ match: RECEIVE, cutAnswerAfter: 0 })
    // Where the branch is, is asked in two requests before it is pushed.
    rig.forge.fail({ match: UPLOAD, after: 2, drop: true })
    const { exitCode, output, event } = await attempts.push('git push origin HEAD')
    expect({ exitCode, output }).toMatchObject({ exitCode: 1, output: expect.stringContaining('could not be asked') })
    expect(event.data).toMatchObject({ outcome: 'unknown', newSha: await attempts.tip() })
    expect(await attempts.recordedTip()).toBe(recorded)
    const unchanged = await attempts.agent.sh('git push origin HEAD')
    expect(unchanged).toMatchObject({ exitCode: 0, output: 'Everything up-to-date\n' })
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
  })

  attempt('a git host that reports garbage', async () => {
    const headers = { 'content-type': 'application/x-git-receive-pack-result' }
    for (const body of ['<html>', '', '0013\u0001000eunpack ok\n0000', '00ff']) {
      await attempts.reset()
      await attempts.run(commitOf(10))
      rig.forge.fail({ match: RECEIVE, status: 200, headers, body })
      const { exitCode, output } = await attempts.agent.sh('git push origin HEAD')
      const words = 'remote: berth: the git host gave no report (the branch has not moved so far)'
      expect({ exitCode, output }).toMatchObject({ exitCode: 1, output: expect.stringContaining(words) })
    }
    const advertisement = { 'content-type': 'application/x-git-upload-pack-advertisement' }
    rig.forge.fail({ match: FETCH, status: 200, headers: advertisement, body: 'garbage' })
    expect(await attempts.agent.sh('git fetch origin')).toMatchObject({ exitCode: 128 })
    await attempts.expectThrough('git push -q origin HEAD')
  })

  attempt('a renamed repository, by fetch and by push', async () => {
    const agent = await rig.startAgent({ githubRepo: MOVING })
    await rig.forge.renameRepository(MOVING, MOVED)
    const tipOf = async (ref: string) =>
      (await rig.forge.branches(MOVED)).find(({ name }) => `refs/heads/${name}` === ref)?.sha
    await agent.sh('git fetch -q origin')
    expect(await agent.sh(`${commitOf(10)} && git push -q origin HEAD`)).toEqual({ exitCode: 0, output: '' })
    const { data } = await agent.until('the push', ({ type }) => type === 'push')
    expect(data).toMatchObject({ outcome: 'ok', newSha: await tipOf(String(data.ref)) })
    // Whoever takes the old name gets what is pushed to it.
    await rig.forge.addRepository({ fullName: MOVING, from: SAMPLE_FOLDER })
    const again = await agent.sh(
      `git checkout -q --detach origin/main && ${commitOf(10)} && git push -q origin HEAD:${data.ref}`,
    )
    expect(again).toEqual({ exitCode: 0, output: '' })
    expect(await tipOf(String(data.ref))).toBe(data.newSha)
  })

  attempt('a redirect to another host', async () => {
    const elsewhere = 'The git host redirects to http://192.0.2.1, where Berth does not follow.'
    const redirect = (service: string) => ({
      status: 301,
      headers: { location: `http://192.0.2.1/${REPOSITORY}.git/info/refs?service=git-${service}` },
    })
    await attempts.run(commitOf(10))
    rig.forge.fail({ match: FETCH, ...redirect('upload-pack') })
    expect((await attempts.agent.sh('git fetch origin')).output).toContain(`remote: ${elsewhere}`)
    rig.forge.fail({ match: PUSH, ...redirect('receive-pack') })
    expect((await attempts.agent.sh('git push origin HEAD')).output).toContain(`remote: ${elsewhere}`)
    rig.forge.fail({ match: RECEIVE, status: 307, headers: { location: 'http://192.0.2.1/' } })
    expect((await attempts.agent.sh('git push origin HEAD')).output).toContain(
      'remote: berth: The repository has moved on its host. Run the same git command again.',
    )
    await attempts.expectThrough('git push -q origin HEAD')
  })

  attempt('a forge that answers 401', () => expectStatus(401))
  attempt('a forge that answers 403', () => expectStatus(403))
  attempt('a forge that answers 404', () => expectStatus(404))
  attempt('a forge that answers 500', () => expectStatus(500))

  attempt('a forge that answers with a page', () =>
    expectTold({ status: 200, body: '<html>' }, `${answered(200)}, but not with git's protocol. Try again later.`),
  )

  attempt('a forge that does not answer', async () => {
    const words = `no answer and no progress for ${IDLE_MS} ms`
    const tip = await attempts.tip()
    await attempts.run(commitOf(10))
    rig.forge.fail({ match: FETCH, hang: true })
    const fetched = await attempts.agent.sh('git fetch origin')
    expect(fetched.output).toContain(`remote: The git host did not answer: `)
    expect(fetched.output).toContain(words)
    rig.forge.fail({ match: RECEIVE, hang: true })
    const { output, event } = await attempts.push('git push origin HEAD')
    expect(output).toContain(`remote: berth: The git host did not answer: `)
    expect(output).toContain(words)
    expect(event.data).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining(words) })
    await expectUntouched(tip)
    await attempts.expectThrough('git push -q origin HEAD')
  })

  attempt('the token, in anything git is shown', async () => {
    const echo = { status: 500, headers: { 'content-type': 'text/plain' }, body: `${FORGE_TOKEN} ${BASIC}` }
    const shown: string[] = []
    const see = async (command: string) => {
      const traced = `GIT_TRACE_CURL=1 GIT_TRACE_PACKET=1 GIT_CURL_VERBOSE=1 GIT_TRACE_REDACT=0 ${command}`
      shown.push((await attempts.agent.sh(traced)).output)
    }
    await attempts.run(commitOf(10))
    for (const match of [FETCH, PUSH, RECEIVE]) {
      rig.forge.fail({ match, ...echo })
      await see(match === FETCH ? 'git fetch origin' : 'git push origin HEAD')
      rig.forge.fail({ match, status: 302, headers: { location: `http://x:${FORGE_TOKEN}@192.0.2.1/${FORGE_TOKEN}` } })
      await see(match === FETCH ? 'git fetch origin' : 'git push origin HEAD')
    }
    await see('git fetch origin')
    await see('git push origin HEAD')
    shown.push(await attempts.run('env; git config --list; cat ~/.gitconfig ~/.git-credentials 2>/dev/null; true'))
    const log = JSON.stringify(await rig.api.listEvents(attempts.agent.id))
    for (const secret of [FORGE_TOKEN, BASIC]) expect(`${shown.join('\n')}${log}`).not.toContain(secret)
    expect(shown.join('\n')).toContain('(the token) (the token)')
    expect(rig.forge.requests.at(-1)?.headers.authorization).toBe(`Basic ${BASIC}`)
  })
})
