/** What a bridge says of its workspace: the same while nothing is changed, also on a branch that has no commit yet. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BridgeGitRig, startBridgeGitRig } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('the state of the workspace', () => {
  const state = () => rig.client.workspaceState()

  it('says that there is no clone', async () => {
    expect(await state()).toEqual({ cloned: false, empty: true, head: null, branch: null, digest: null })
    mkdirSync(path.join(rig.test.root, 'lost+found'))
    expect(await state()).toMatchObject({ cloned: false, empty: true })
  })

  it('stays the same while nothing changes, and for what git ignores', async () => {
    const { head } = await rig.mustClone()
    const before = await state()
    expect(before).toMatchObject({ cloned: true, head, branch: 'berth/fix' })
    // Of nothing: what a log holds from before stays comparable.
    expect(before.digest).toBe(createHash('sha256').digest('hex'))
    rig.test.write('ignored/cache.bin', 'x')
    expect(await state()).toEqual(before)
  })

  it('has no branch once HEAD is detached', async () => {
    const { head } = await rig.mustClone()
    rig.test.git('checkout', '--quiet', '--detach')
    expect(await state()).toMatchObject({ cloned: true, head, branch: null })
  })

  it('is that of no clone before the first commit', async () => {
    rig.test.git('init', '--quiet')
    expect(await state()).toEqual({ cloned: false, empty: false, head: null, branch: null, digest: null })
  })

  it('changes with a tracked file, a new file, and a commit', async () => {
    await rig.mustClone()
    const seen = [await state()]
    rig.test.write('README.md', '# Other\n')
    seen.push(await state())
    rig.test.write('new.txt', 'new')
    seen.push(await state())
    await rig.commit()
    seen.push(await state())
    expect(new Set(seen.map(({ head, digest }) => `${head} ${digest}`)).size).toBe(4)
  })
})

describe('a branch that has no commit yet', () => {
  const state = () => rig.client.workspaceState()

  beforeEach(async () => {
    await rig.mustClone()
    rig.test.git('checkout', '--quiet', '--orphan', 'fresh')
  })

  it('is work that a run goes on from', async () => {
    const before = await state()
    expect(before).toMatchObject({ cloned: true, head: null, branch: 'fresh', digest: expect.any(String) })
    expect(await state()).toEqual(before)
    expect((await rig.client.health()).workspace).toEqual({ cloned: true })
    expect(await rig.clone()).toEqual([{ result: { head: null, branch: 'fresh', existing: true } }])
  })

  it('is told from itself with other files, and from its first commit', async () => {
    const seen = [await state()]
    rig.test.write('README.md', '# Other\n')
    seen.push(await state())
    rig.test.git('add', 'README.md')
    seen.push(await state())
    rig.test.write('new.txt', 'new')
    seen.push(await state())
    rig.test.git('rm', '-rfq', '.')
    rmSync(path.join(rig.test.root, 'new.txt'))
    seen.push(await state())
    expect(seen.at(-1)?.digest).toBe(createHash('sha256').digest('hex'))
    rig.test.git('commit', '-qm', 'first', '--allow-empty')
    seen.push(await state())
    expect(seen.map(({ cloned }) => cloned)).toEqual(seen.map(() => true))
    expect(new Set(seen.map(({ head, digest }) => `${head} ${digest}`)).size).toBe(6)
  })

  it('is left as it is when a pull request is asked for, in words that say why', async () => {
    const words = (branch: string) =>
      `HEAD is on the branch ${branch}, which has no commit yet, and so no history in common with main. Bring the work to berth/fix on top of main, then try again.`
    const before = await state()
    await expect(rig.commit()).rejects.toMatchObject({ code: 'state_conflict', message: words('fresh') })
    expect(await state()).toEqual(before)
    rig.test.git('checkout', '--quiet', '-f', 'berth/fix')
    rig.test.git('update-ref', '-d', 'HEAD')
    await expect(rig.commit()).rejects.toMatchObject({ code: 'state_conflict', message: words('berth/fix') })
    rig.test.git('reset', '--quiet', '--soft', 'origin/main')
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 0 })
  })
})
