/** What git does from a sandbox through the broker: real git inside, over the bridge's proxy and the tunnel. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { SAMPLE_FOLDER, sampleCase } from '../../scripts/demo/sample-case.ts'
import { runGit } from '../../scripts/stand-ins/forge/git.ts'
import { type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import {
  type BrokerAttempts,
  commitOf,
  ONLY_BRANCH,
  openAttempts,
  pushesAt,
  writePush,
  ZERO_ID,
} from '../support/broker-attempts.ts'
import { watchMemory } from '../support/watch-memory.ts'
import { describeBoundary } from './describe-boundary.ts'

const REPOSITORY = sampleCase.repo
/** Its branches are not fetched by the other tests. */
const LARGE = 'sample/large'
const MIB = 1024 * 1024
const LARGE_BYTES = 300_000_000
/** What the control plane may grow by while a push of any size passes through it. */
const STREAMING_BYTES = 150 * MIB
const LARGE_TIMEOUT_MS = 300_000
const COPY = '/home/agent/copy'
const BROKEN_OFF = 'the push was broken off in the sandbox (the branch has not moved so far)'

let rig: BoundaryRig
let attempts: BrokerAttempts
let large: BrokerAttempts

beforeAll(async () => {
  rig = await startBoundary({
    repositories: [REPOSITORY, LARGE].map((fullName) => ({ fullName, from: SAMPLE_FOLDER })),
  })
  attempts = await openAttempts(rig, await rig.startAgent())
  large = await openAttempts(rig, await rig.startAgent({ githubRepo: LARGE }))
})
beforeEach(() => attempts.reset())
afterAll(() => rig?.close())

/** One commit of 300 MB, unless it is there. */
const makeLarge = () => large.run(`ls made-* >/dev/null 2>&1 || { ${commitOf(LARGE_BYTES)}; }`)

/** A push of which the forge has a part. */
async function beginPush(of: BrokerAttempts, directory = '/workspace') {
  const before = pushesAt(rig).length
  const ended = of.push(`git -C ${directory} push origin HEAD`)
  await expect.poll(() => pushesAt(rig)[before]?.receivedBytes ?? 0, { timeout: 30_000 }).toBeGreaterThan(2 * MIB)
  return { ended }
}

describeBoundary('broker', ({ attempt }) => {
  attempt('clone and fetch', async () => {
    const clone = `git clone -q http://git.berth/${REPOSITORY} /tmp/clone && git -C /tmp/clone log -1 --format=%s`
    expect(await attempts.run(clone)).toBe('Import the project\n')
    await attempts.run(`git clone -q ${rig.forge.url}/${REPOSITORY}.git /tmp/by-address`)
    await runGit(['branch', 'fresh', 'main'], { cwd: rig.forge.directoryOf(REPOSITORY) })
    await attempts.run('git fetch -q origin && git rev-parse origin/fresh')
  })

  attempt('a shallow and a partial clone', async () => {
    const remote = `http://git.berth/${REPOSITORY}`
    await attempts.run(`${commitOf(10)} && git push -q origin HEAD`)
    await attempts.run(`git clone -q --depth=1 -b ${attempts.branch} ${remote} /tmp/shallow`)
    expect(await attempts.run('git -C /tmp/shallow rev-list --count HEAD')).toBe('1\n')
    await attempts.run('git -C /tmp/shallow config user.email a@b && git -C /tmp/shallow config user.name A')
    await attempts.expectThrough(`cd /tmp/shallow && ${commitOf(10)} && git push -q origin HEAD`)
    await attempts.run('git -C /tmp/shallow fetch -q --unshallow && git -C /tmp/shallow fsck')
    await attempts.run(`git clone -q --filter=blob:none --no-checkout ${remote} /tmp/partial`)
    await attempts.run('cd /tmp/partial && git checkout -q main && test -s README.md')
  })

  attempt('protocol 0 and protocol 2', async () => {
    for (const version of [0, 1, 2]) {
      const configured = `git -c protocol.version=${version}`
      await attempts.run(`${configured} clone -q http://git.berth/${REPOSITORY} /tmp/version-${version}`)
      await attempts.expectThrough(`${commitOf(10)} && ${configured} push -q origin HEAD`)
    }
  })

  attempt('a push of 1 MB', async () => {
    await attempts.expectThrough(`${commitOf(MIB)} && git push -q origin HEAD`)
  })

  attempt(
    'a refused push of 300 MB',
    async () => {
      await makeLarge()
      const refused = { ref: 'refs/heads/large', reason: ONLY_BRANCH(large.branch) }
      const push = () => large.expectRefused('git push origin HEAD:large', refused)
      expect((await watchMemory(push)).grownBytes).toBeLessThan(STREAMING_BYTES)
    },
    LARGE_TIMEOUT_MS,
  )

  attempt(
    'a push that is killed',
    async () => {
      await makeLarge()
      const { ended } = await beginPush(large)
      await large.agent.sh('pkill -9 git')
      expect((await ended).event.data).toMatchObject({ outcome: 'unknown', reason: BROKEN_OFF })
      expect(await large.tip()).toBeUndefined()
      expect(await large.recordedTip()).toBeNull()
      await large.run(`git checkout -q --detach origin/main && ${commitOf(10)}`)
      await large.expectThrough(`git push -q origin HEAD:refs/heads/${large.branch}`)
      await large.run(`git checkout -q ${large.branch}`)
    },
    LARGE_TIMEOUT_MS,
  )

  attempt(
    'a push of 300 MB',
    async () => {
      await makeLarge()
      const push = () => large.expectThrough('git push -q --force origin HEAD')
      expect((await watchMemory(push)).grownBytes).toBeLessThan(STREAMING_BYTES)
    },
    LARGE_TIMEOUT_MS,
  )

  attempt('the lone flush before a large push', async () => {
    const before = pushesAt(rig).length
    const posts = "grep -ac 'POST http://git.berth/.*receive-pack'"
    const { output, event } = await attempts.push(
      `${commitOf(2 * MIB)} && GIT_TRACE_CURL=1 git push -q origin HEAD 2>&1 | ${posts}`,
    )
    expect({ output, outcome: event.data.outcome }).toEqual({ output: '2\n', outcome: 'ok' })
    expect(pushesAt(rig)).toHaveLength(before + 1)
  })

  attempt('a gzip body', async () => {
    // git compresses what it says of its own history when that is long; the newest of it, by its dates, is what it says first.
    await attempts.run(
      'for n in $(seq 60); do GIT_COMMITTER_DATE="$((2000000000 + n)) +0000" git commit -qm "Change $n" --allow-empty; done',
    )
    await attempts.commitAsPerson()
    await attempts.run('git fetch -q origin')
    const compressed = rig.forge.requests.filter(({ headers }) => headers['content-encoding'] === 'gzip')
    expect(compressed.map(({ path }) => path)).toContain(`/${REPOSITORY}.git/git-upload-pack`)

    await attempts.reset()
    const { oldId, newId, pack } = await attempts.packCommit()
    const push = writePush(REPOSITORY, [`${oldId} ${newId} ${attempts.ref}\0 report-status`], pack)
    const headers = { ...push.headers, 'content-encoding': 'gzip' }
    const answer = await attempts.request({ ...push, headers, body: gzipSync(push.body) })
    expect(answer.body).toContain(`ok ${attempts.ref}`)
    expect(await attempts.tip()).toBe(newId)
    expect(pushesAt(rig).at(-1)?.headers['content-encoding']).toBeUndefined()
  })

  attempt('two pushes at the same time', async () => {
    await attempts.run(`${commitOf(10)} && git branch -f first && git reset -q --hard HEAD~1 && ${commitOf(20)}`)
    const push = (what: string) =>
      `{ git push -q origin ${what}:${attempts.branch} 2>/tmp/${what}; echo ${what} $? >>/tmp/ends; }`
    await attempts.run(`rm -f /tmp/ends; ${push('first')} & ${push('HEAD')} & wait`)
    const ends = (await attempts.run('sort /tmp/ends')).trim().split('\n')
    expect(ends.filter((line) => line.endsWith(' 0'))).toHaveLength(1)
    const winner = ends.find((line) => line.endsWith(' 0'))?.split(' ')[0] ?? ''
    expect((await attempts.run(`git rev-parse ${winner}`)).trim()).toBe(await attempts.tip())
    expect(await attempts.recordedTip()).toBe(await attempts.tip())
  })

  attempt('a forced push over the recorded tip', async () => {
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
    await attempts.expectThrough('git commit -q --amend -m "Other words" && git push -q --force origin HEAD')
  })

  attempt("a push on top of a person's commits, merged or rebased", async () => {
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
    for (const how of ['--no-rebase', '--rebase']) {
      const theirs = await attempts.commitAsPerson()
      await attempts.run(`${commitOf(10)}; git pull -q ${how} --no-edit origin ${attempts.branch}`)
      await attempts.expectThrough('git push -q origin HEAD')
      await attempts.run(`git merge-base --is-ancestor ${theirs} HEAD`)
    }
  })

  attempt('every form of report, and none', async () => {
    const forms = [
      'report-status',
      'report-status-v2',
      'report-status side-band-64k',
      'report-status-v2 side-band-64k atomic quiet ofs-delta object-format=sha1 agent=git/2.47 session-id=x',
      'side-band-64k',
      'quiet',
    ]
    for (const form of forms) {
      await attempts.reset()
      const { oldId, newId, pack } = await attempts.packCommit()
      const answer = await attempts.pushBytes([`${oldId} ${newId} ${attempts.ref}\0 ${form}`], pack)
      expect({ form, status: answer.status }).toEqual({ form, status: 200 })
      expect(answer.body.includes(`ok ${attempts.ref}`)).toBe(form.includes('report-status'))
      expect(await attempts.tip()).toBe(newId)
      expect(await attempts.recordedTip()).toBe(newId)
      const refused = await attempts.pushBytes([`${ZERO_ID} ${newId} refs/heads/form\0 ${form}`], pack)
      expect(refused.body).toContain(ONLY_BRANCH(attempts.branch))
      expect(refused.status).toBe(form === 'quiet' ? 403 : 200)
    }
  })

  attempt('a push whose sandbox is taken away', async () => {
    const { agent, branch, ...others } = await openAttempts(rig, await rig.startAgent())
    // Not in the workspace, which is then found as it was left.
    await others.run(`git clone -q http://git.berth/${REPOSITORY} ${COPY} && cp .git/config ${COPY}/.git/config`)
    await others.run(`git -C ${COPY} checkout -q -b ${branch}`)
    await others.run(`cd ${COPY} && ${commitOf(20 * MIB)}`)
    // It stays in its middle until something happens to it.
    rig.forge.fail({ match: /^POST .*receive-pack/, stallAfter: 2 * MIB })
    const { ended } = await beginPush({ agent, branch, ...others }, COPY)
    expect(await rig.api.call('POST', `/api/agents/${agent.id}/stop`)).toMatchObject({ status: 202 })
    expect((await ended).event.data).toMatchObject({ outcome: 'unknown', reason: BROKEN_OFF })
    expect(await others.tip()).toBeUndefined()
    expect(await others.recordedTip()).toBeNull()
    await agent.until('a container that is gone', ({ type, data }) => type === 'status' && data.status === 'IDLE')
    const { run } = await rig.api.resumeAgent(agent.id, 'Wait again.')
    await agent.untilRunIsOver(run.id)
    await others.expectThrough(`git -C ${COPY} push -q origin HEAD`)
  })
})
