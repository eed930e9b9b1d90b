/** The clone that a bridge makes: whole or done over again, never over what is there, and in words where it cannot be. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BridgeGitRig, CLONE, startBridgeGitRig, USER } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('clone', () => {
  it('puts the source branch into the workspace and begins the target branch from it', async () => {
    const messages = await rig.clone()
    const head = await rig.remote('rev-parse', 'main')
    expect(messages.at(-1)).toEqual({ result: { head, branch: 'berth/fix', existing: false } })
    expect(messages.slice(0, -1)).toContainEqual({
      progress: { phase: 'Counting objects', percent: 100, line: 'Counting objects: 100% (4/4)' },
    })
    expect(readFileSync(path.join(rig.test.root, 'README.md'), 'utf8')).toBe('# Sample\n')
    expect(rig.test.git('config', 'user.name').trim()).toBe(USER.name)
    expect(rig.test.git('config', 'remote.origin.fetch').trim()).toBe('+refs/heads/*:refs/remotes/origin/*')
    expect(rig.test.git('remote', 'get-url', 'origin').trim()).toBe('http://git.berth/octo/sample.git')
    expect((await rig.client.health()).workspace).toEqual({ cloned: true })
  })

  it('leaves a clone that is there as it is', async () => {
    await rig.mustClone()
    rig.test.write('work.txt', 'unsaved work')
    const again = await rig.clone()
    expect(again).toEqual([{ result: { head: expect.any(String), branch: 'berth/fix', existing: true } }])
    expect(readFileSync(path.join(rig.test.root, 'work.txt'), 'utf8')).toBe('unsaved work')
    expect((await rig.clone({ repository: 'octo/other' })).at(-1)).toMatchObject({ error: { code: 'state_conflict' } })
  })

  it('refuses a workspace that holds something else, and touches nothing', async () => {
    rig.test.write('mine.txt', 'mine')
    expect(await rig.clone()).toEqual([
      { error: { code: 'state_conflict', message: expect.stringContaining('mine.txt') } },
    ])
    expect(existsSync(path.join(rig.test.root, '.git'))).toBe(false)
  })

  it('does an interrupted attempt over again', async () => {
    await rig.mustClone()
    rig.test.git('config', '--unset', 'berth.cloned')
    rig.test.write('half.txt', 'half')
    rmSync(path.join(rig.test.root, 'README.md'))
    expect(await rig.mustClone()).toMatchObject({ existing: false })
    expect(existsSync(path.join(rig.test.root, 'half.txt'))).toBe(false)
    expect(existsSync(path.join(rig.test.root, 'README.md'))).toBe(true)
  })

  it('continues a target branch that exists when it is adopted, and only then', async () => {
    await rig.remote('branch', 'berth/fix', 'main')
    const tree = await rig.remote('rev-parse', 'main^{tree}')
    const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
    const tip = await rig.remote(...identity, 'commit-tree', tree, '-p', 'main', '-m', 'earlier work')
    await rig.remote('update-ref', 'refs/heads/berth/fix', tip)
    expect(await rig.mustClone({ adoptTargetBranch: true })).toEqual({
      head: tip,
      branch: 'berth/fix',
      existing: false,
    })
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 1 })
  })

  it('begins at the source branch where the target may be gone, and is', async () => {
    const changes = { adoptTargetBranch: true, targetMayBeGone: true }
    const head = await rig.remote('rev-parse', 'main')
    expect(await rig.mustClone(changes)).toEqual({ head, branch: 'berth/fix', existing: false })
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 0 })
  })

  it.each([
    ['a repository that is not the agent’s', { repository: 'octo/other' }, 'repository_forbidden'],
    ['a branch that is not there', { sourceBranch: 'nowhere' }, 'branch_not_found'],
    [
      'a branch that is not there for a target that may be gone',
      { sourceBranch: 'nowhere', targetMayBeGone: true },
      'branch_not_found',
    ],
    ['a target to adopt that is not there', { adoptTargetBranch: true }, 'branch_not_found'],
    ['a name that is an option', { sourceBranch: '--upload-pack=touch /tmp/x' }, 'branch_not_found'],
    ['a repository that is a path', { repository: '../../etc' }, 'repository_not_found'],
  ])('says that it cannot clone %s', async (_name, changes, code) => {
    expect((await rig.clone(changes)).at(-1)).toMatchObject({ error: { code } })
  })

  it('says that a repository is empty', async () => {
    rig.grant.repository = 'octo/empty'
    expect((await rig.clone({ repository: 'octo/empty' })).at(-1)).toEqual({
      error: {
        code: 'empty_repository',
        message: 'octo/empty has no branches yet. Push a first commit to it, then start again.',
      },
    })
  })

  it('says that the repository is gone from the forge, in the broker’s words', async () => {
    rig.grant.repository = 'octo/gone'
    expect((await rig.clone({ repository: 'octo/gone' })).at(-1)).toMatchObject({
      error: { code: 'repository_not_found', message: expect.stringContaining('octo/gone') },
    })
  })

  it('ends when the control plane goes away, and the next attempt works', async () => {
    const abort = new AbortController()
    const attempt = (async () => {
      for await (const _message of rig.client.clone(CLONE, abort.signal)) abort.abort(new Error('gone'))
    })()
    await expect(attempt).rejects.toThrow('gone')
    expect(await rig.mustClone()).toMatchObject({ branch: 'berth/fix' })
  })
})
