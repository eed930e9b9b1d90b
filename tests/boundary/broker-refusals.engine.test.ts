/** What a hostile git, or what is none, tries with the broker: refused in words, and the forge hears nothing of it. */
import type { OutgoingHttpHeaders } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { encodePktLine } from '../../lib/gateway/git/pkt-line.ts'
import { SAMPLE_FOLDER, sampleCase } from '../../scripts/demo/sample-case.ts'
import { runGit } from '../../scripts/stand-ins/forge/git.ts'
import { type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import {
  type BrokerAttempts,
  commitOf,
  DROPS_COMMITS,
  ONLY_BRANCH,
  openAttempts,
  pushesAt,
  SOME_ID,
  writePush,
  ZERO_ID,
} from '../support/broker-attempts.ts'
import { watchMemory } from '../support/watch-memory.ts'
import { describeBoundary } from './describe-boundary.ts'

const REPOSITORY = sampleCase.repo
const LIBRARY = 'sample/library'
const STRANGER = 'sample/stranger'
const MIB = 1024 * 1024
/** What the control plane may grow by for a push that unpacks without end. */
const STREAMING_BYTES = 150 * MIB

let rig: BoundaryRig
let attempts: BrokerAttempts

beforeAll(async () => {
  const repositories = [REPOSITORY, LIBRARY, STRANGER].map((fullName) => ({ fullName, from: SAMPLE_FOLDER }))
  rig = await startBoundary({ repositories })
  attempts = await openAttempts(rig, await rig.startAgent({ readRepos: [LIBRARY] }))
  await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
})
beforeEach(() => attempts.reset())
afterAll(() => rig?.close())

const configureForge = (...args: string[]) => runGit(['config', ...args], { cwd: rig.forge.directoryOf(REPOSITORY) })

/** A push of any length. */
function post(body: Buffer, headers: OutgoingHttpHeaders = writePush(REPOSITORY, []).headers) {
  return attempts.onTunnel({ ':method': 'POST', ':path': `/${REPOSITORY}.git/git-receive-pack`, ...headers }, body)
}

describeBoundary('broker', ({ attempt }) => {
  attempt('a gzip body that unpacks without end', async () => {
    const line = `${(await attempts.tip()) ?? ZERO_ID} ${SOME_ID} ${attempts.ref}\0 report-status`
    const { body, headers } = writePush(REPOSITORY, [line], Buffer.alloc(400 * MIB))
    const packed = gzipSync(body)
    const { result, grownBytes } = await watchMemory(() => post(packed, { ...headers, 'content-encoding': 'gzip' }))
    expect(result.body).toContain(`ng ${attempts.ref} `)
    expect(grownBytes).toBeLessThan(STREAMING_BYTES)
    expect(pushesAt(rig).at(-1)?.receivedBytes).toBeLessThan(80 * MIB)
  })

  attempt('two commands in one push', async () => {
    await attempts.run(commitOf(10))
    const reason = `one push updates one branch: push ${attempts.ref} alone`
    await attempts.expectRefused('git push origin HEAD HEAD:refs/heads/two', { reason })
    // Said once already: the log has it.
    const atomic = await attempts.agent.sh('git push --atomic origin HEAD:refs/heads/a HEAD')
    expect(atomic).toMatchObject({ exitCode: 1, output: expect.stringContaining(`remote: berth: ${reason}`) })
  })

  attempt('a delete of the target branch', async () => {
    const reason = 'a branch cannot be deleted from a sandbox'
    await attempts.expectRefused(`git push origin :${attempts.branch}`, { reason })
  })

  attempt('a tag, a note, HEAD, a review', async () => {
    await attempts.run(`${commitOf(10)} && git tag -f v1 && git tag -f -a -m words v2 && git notes add -f -m words`)
    const others = ['refs/tags/v1', 'refs/tags/v2', 'refs/notes/commits', 'refs/for/main', 'refs/pull/1/head']
    for (const ref of others) {
      const source = ref.startsWith('refs/tags') || ref.startsWith('refs/notes') ? ref : 'HEAD'
      await attempts.expectRefused(`git push origin ${source}:${ref}`, { ref, reason: ONLY_BRANCH(attempts.branch) })
    }
    // git itself would make a branch of that name.
    for (const ref of ['HEAD', attempts.branch, `refs/${attempts.branch}`, `${attempts.ref}\n`, `${attempts.ref} `]) {
      const answer = await attempts.pushBytes([`${ZERO_ID} ${SOME_ID} ${ref}\0 report-status`])
      expect(answer.body).toMatch(/ng .* only refs.heads|is not a command/)
    }
  })

  attempt('another branch, the default branch', async () => {
    await attempts.run(commitOf(10))
    const { branch } = attempts
    const others = ['main', `${branch}-2`, branch.toUpperCase(), `refs/heads/${branch}`, 'fresh']
    for (const name of others) {
      const ref = `refs/heads/${name}`
      await attempts.expectRefused(`git push -f origin HEAD:${ref}`, { ref, reason: ONLY_BRANCH(branch) })
    }
  })

  attempt('another repository, by fetch and by push', async () => {
    const words = `${STRANGER} is not a repository of this agent: it has ${REPOSITORY}, ${LIBRARY}. Add it to the agent's readRepos to fetch it.`
    const asked = rig.forge.requests.length
    for (const address of [`http://git.berth/${STRANGER}`, `http://git.berth/${STRANGER}.git`]) {
      const fetched = await attempts.agent.sh(`git ls-remote ${address}`)
      expect(fetched).toMatchObject({ exitCode: 128, output: expect.stringContaining(`remote: ${words}`) })
    }
    const pushed = await attempts.push(`git push http://git.berth/${STRANGER} HEAD:${attempts.branch}`)
    expect(pushed).toMatchObject({ exitCode: 128, output: expect.stringContaining(`remote: ${words}`) })
    expect(pushed.event.data).toMatchObject({ outcome: 'refused', repository: STRANGER, reason: words })
    expect(rig.forge.requests).toHaveLength(asked)
  })

  attempt('a push to a repository that may only be read', async () => {
    await attempts.run(`git clone -q ${rig.forge.url}/${LIBRARY}.git /tmp/library`)
    await attempts.run(`git submodule --quiet add ${rig.forge.url}/${LIBRARY} library && test -s library/README.md`)
    const asked = rig.forge.requests.length
    const words = `${LIBRARY} may be fetched, never pushed: it is one of the agent's readRepos.`
    const pushed = await attempts.push(`git -C /tmp/library push origin HEAD:${attempts.branch}`)
    expect(pushed).toMatchObject({ exitCode: 128, output: expect.stringContaining(`remote: ${words}`) })
    expect(pushed.event.data).toMatchObject({ outcome: 'refused', repository: LIBRARY, reason: words })
    expect(rig.forge.requests).toHaveLength(asked)
  })

  attempt("a push over a person's commits, by force", async () => {
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
    const theirs = await attempts.commitAsPerson()
    await attempts.run(commitOf(10))
    await attempts.expectRefused('git push --force origin HEAD', { reason: DROPS_COMMITS })
    await attempts.run('git fetch -q origin')
    const lease = 'git push --force-with-lease origin HEAD'
    expect(await attempts.agent.sh(lease)).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining(DROPS_COMMITS),
    })
    expect(await attempts.tip()).toBe(theirs)
  })

  attempt("a person's commit, claimed as the agent's own", async () => {
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
    const ours = await attempts.recordedTip()
    const theirs = await attempts.commitAsPerson()
    // It is there, whatever the forge says; and no report is asked for.
    const answer = await attempts.pushBytes([`${ours} ${theirs} ${attempts.ref}\0 quiet`])
    expect(answer).toMatchObject({ status: 403, refusal: 'push_refused' })
    expect(answer.body).toContain(`the branch is at ${theirs.slice(0, 7)} on the git host meanwhile`)
    expect(await attempts.recordedTip()).toBe(ours)
  })

  attempt('a stale old id, after a person pushed', async () => {
    await attempts.expectThrough(`${commitOf(10)} && git push -q origin HEAD`)
    const ours = (await attempts.recordedTip()) ?? ''
    const theirs = await attempts.commitAsPerson()
    const before = pushesAt(rig).length
    const { newId, pack } = await attempts.packCommit()
    for (const oldId of [ours, ZERO_ID, SOME_ID]) {
      const answer = await attempts.pushBytes([`${oldId} ${newId} ${attempts.ref}\0 report-status`], pack)
      expect(answer.body).toContain(
        `ng ${attempts.ref} the branch is at ${theirs.slice(0, 7)} on the git host meanwhile`,
      )
    }
    expect(pushesAt(rig)).toHaveLength(before)
    expect(await attempts.tip()).toBe(theirs)
  })

  attempt('a push certificate', async () => {
    await configureForge('receive.certNonceSeed', 'seed')
    const signer = 'cat >/dev/null; echo "[GNUPG:] SIG_CREATED D 1 8 00 0 X" >&2; echo "-----BEGIN PGP SIGNATURE-----"'
    await attempts.run(`printf '#!/bin/sh\n%s\n' '${signer}' >/tmp/gpg && chmod +x /tmp/gpg && ${commitOf(10)}`)
    const reason = 'signed pushes are not supported: push without --signed'
    await attempts.expectRefused('git -c gpg.program=/tmp/gpg push --signed origin HEAD', { reason })
  })

  attempt('push options', async () => {
    await configureForge('receive.advertisePushOptions', 'true')
    await attempts.run(commitOf(10))
    const reason = 'push options are not supported: push without --push-option'
    await attempts.expectRefused('git push -o ci.skip origin HEAD', { reason })
  })

  attempt('another object format', async () => {
    const { oldId, newId, pack } = await attempts.packCommit()
    const long = 'b'.repeat(64)
    const before = await attempts.tip()
    const line = `${oldId} ${newId} ${attempts.ref}\0 report-status object-format=sha256`
    expect((await attempts.pushBytes([line], pack)).body).toContain(`ng ${attempts.ref}`)
    const longer = await attempts.pushBytes([
      `${'0'.repeat(64)} ${long} ${attempts.ref}\0 report-status object-format=sha256`,
    ])
    expect(longer.body).toContain(`ng ${attempts.ref}`)
    expect((await attempts.pushBytes([`${oldId} ${long} ${attempts.ref}\0 report-status`], pack)).status).toBe(400)
    expect(await attempts.tip()).toBe(before)
  })

  attempt('shallow lines', async () => {
    const { oldId, newId, pack } = await attempts.packCommit()
    const line = `${oldId} ${newId} ${attempts.ref}\0 report-status`
    const told = await attempts.pushBytes([`shallow ${newId}\n`, line], pack)
    expect(told.body).toContain(`ng ${attempts.ref} shallow update not allowed`)
    for (const lines of [
      [line, `shallow ${newId}`],
      ['shallow nothing', line],
      [`shallow ${newId}\0 report-status`, line],
    ]) {
      expect(await attempts.pushBytes(lines, pack)).toMatchObject({ status: 400, refusal: 'validation_failed' })
    }
    expect((await attempts.pushBytes([line], pack)).body).toContain(`ok ${attempts.ref}`)
  })

  attempt('pkt-lines that are no pkt-lines', async () => {
    const before = pushesAt(rig).length
    const bodies = ['zzzz', '0003', '00', '', '0001', '0006ab', '0006ab0000', `0040${SOME_ID}`, '0009push0000', 'ffff']
    for (const body of bodies) {
      const answer = await attempts.request({ ...writePush(REPOSITORY, []), body: Buffer.from(body) })
      const said = expect.stringContaining('This is not a push as git sends it')
      expect({ sent: body, ...answer }).toMatchObject({ sent: body, status: 400, body: said })
    }
    const lines = Array<Buffer>(80_000).fill(encodePktLine(`shallow ${SOME_ID}\n`))
    const endless = await post(Buffer.concat(lines))
    expect(endless).toMatchObject({ status: 400, body: expect.stringContaining('longer than 4194304 bytes') })
    expect(pushesAt(rig)).toHaveLength(before)
  })

  attempt('routes that are not one of the three: dumb HTTP, LFS, archive', async () => {
    const before = rig.forge.requests.length
    const base = `/${REPOSITORY}.git`
    const routes = [
      `GET ${base}/HEAD`,
      `GET ${base}/info/refs`,
      `GET ${base}/objects/info/packs`,
      `GET ${base}/config`,
      `POST ${base}/info/lfs/objects/batch`,
      `POST ${base}/git-upload-archive`,
      `GET ${base}/info/refs?service=git-upload-archive`,
      `GET ${base}/git-upload-pack`,
      `PUT ${base}/git-receive-pack`,
      `POST ${base}/info/refs?service=git-upload-pack`,
      `GET /api/v3/repos/${REPOSITORY}`,
      `GET /${REPOSITORY}/pull/1`,
      'GET /',
    ]
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ')
      const answer = await attempts.request({ method, path })
      expect({ route, ...answer }).toMatchObject({ route, status: 403, refusal: 'git_route_not_served' })
    }
    expect(rig.forge.requests).toHaveLength(before)
  })

  attempt('paths and queries that lead elsewhere', async () => {
    const before = rig.forge.requests.length
    const service = 'info/refs?service=git-upload-pack'
    const [owner = '', name = ''] = REPOSITORY.split('/')
    const paths = [
      `/${owner}/../${STRANGER}/${service}`,
      `/${owner}/..%2f${STRANGER}/${service}`,
      `/${owner}%2f${name}/${service}`,
      `/${owner}/%2e%2e/${STRANGER}/${service}`,
      `/${owner}/${name}/../stranger/${service}`,
      `/${owner}/./${name}/${service}`,
      `//${owner}/${name}/${service}`,
      `/${REPOSITORY}.git/${STRANGER}.git/${service}`,
      `/${REPOSITORY}.git//${service}`,
      `/${owner}/..%5cstranger/${service}`,
      `/${REPOSITORY}.git/${service}&service=git-receive-pack`,
      `/${REPOSITORY}.git/${service}%26x`,
      `/${REPOSITORY}.git/${service}%23x`,
      `/${REPOSITORY}.git/info/refs?x=1&service=git-upload-pack`,
      `/${REPOSITORY}.git/info/refs?service=git-upload-pack?service=git-receive-pack`,
      `/${REPOSITORY}.git/git-upload-pack/../git-receive-pack`,
      `/${REPOSITORY}.git/git-receive-pack?service=git-upload-pack`,
      `/../${REPOSITORY}/${service}`,
      `/${owner}/.git/${service}`,
      `/${owner}/..git/${service}`,
    ]
    for (const path of paths) {
      const method = path.includes('info/refs') ? 'GET' : 'POST'
      const answer = await attempts.onTunnel({ ':method': method, ':path': path }, Buffer.alloc(0))
      expect({ path, status: answer.status, code: answer.headers['x-berth-refusal'] }).toEqual({
        path,
        status: 403,
        code: 'git_route_not_served',
      })
    }
    expect(rig.forge.requests).toHaveLength(before)
    // Another spelling of the same repository is that repository, and the forge is asked for it as it was created.
    const spelled = `/${REPOSITORY.toUpperCase()}.git.git/${service}`
    expect((await attempts.onTunnel({ ':path': spelled })).status).toBe(200)
    expect(rig.forge.requests.at(-1)?.path).toBe(`/${REPOSITORY}.git/${service}`)
  })

  attempt('a flood of refused pushes', async () => {
    const { agent } = attempts
    const first = agent.events.length
    const flood = async (at: string) => {
      const { body } = writePush(REPOSITORY, [`${ZERO_ID} ${SOME_ID} ${at}\0 report-status`])
      expect((await post(body)).body).toContain(ONLY_BRANCH(attempts.branch))
    }
    for (let times = 0; times < 200; times += 1) await flood('refs/heads/flood')
    for (let times = 0; times < 200; times += 1) await flood(`refs/heads/flood-${times}`)
    const isLast = ({ type, data }: { type: string; data: Record<string, unknown> }) =>
      type === 'push' && String(data.note).includes('There are too many')
    await agent.until('the note that there are too many', isLast)
    expect(agent.events.slice(first).filter(({ type }) => type === 'push').length).toBeLessThan(35)
  })
})
