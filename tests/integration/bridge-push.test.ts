/** What leaves a sandbox for the forge: the bridge's push, and the agent's own git through the proxy. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BridgeGitRig, startBridgeGitRig } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('push', () => {
  beforeEach(async () => {
    await rig.mustClone()
    rig.test.write('a.txt', 'a\n')
    await rig.commit()
  })

  it('moves the target branch on the forge', async () => {
    const answer = await rig.push()
    expect(answer).toMatchObject({ ok: true, head: await rig.remote('rev-parse', 'berth/fix') })
    rig.test.write('b.txt', 'b\n')
    await rig.commit()
    expect(await rig.push()).toMatchObject({ ok: true })
    expect(await rig.push()).toMatchObject({ ok: true })
    expect(rig.test.git('rev-parse', 'origin/berth/fix')).toBe(rig.test.git('rev-parse', 'HEAD'))
  })

  it('answers with the broker’s words when it is refused', async () => {
    await rig.push()
    rig.grant.targetBranch = 'berth/other'
    rig.test.write('b.txt', 'b\n')
    await rig.commit()
    const answer = await rig.push()
    expect(answer.ok).toBe(false)
    expect(answer.message).toContain('(only refs/heads/berth/other may be pushed by this agent)')
  })

  it('goes on after the tunnel was gone for a moment', async () => {
    await rig.cutTunnels()
    const pushed = rig.push()
    await rig.bringTunnels()
    expect(await pushed).toMatchObject({ ok: true })
  })
})

describe('the agent’s own git', () => {
  it('fetches through the proxy and is refused, in words, what is not its own', async () => {
    await rig.mustClone()
    const env = { ...process.env, ...rig.test.env, http_proxy: rig.proxyUrl, no_proxy: '', NO_PROXY: '' }
    const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: rig.test.root, env })
    await git('fetch', 'origin')
    await expect(git('ls-remote', 'http://git.berth/octo/other.git')).rejects.toThrow('403')
    rig.test.write('a.txt', 'a')
    await rig.commit()
    await expect(git('push', 'origin', 'HEAD:refs/heads/main')).rejects.toThrow('main')
  })
})
