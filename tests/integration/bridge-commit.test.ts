/** The commit that a bridge makes of the agent's work: all of it, on the target branch, or in words why not. */
import { chmodSync, existsSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BridgeGitRig, startBridgeGitRig } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('commit', () => {
  beforeEach(async () => {
    await rig.mustClone()
  })

  it('takes everything but what is ignored, in the author’s name, whatever the repository’s hooks say', async () => {
    for (const hook of ['pre-commit', 'prepare-commit-msg', 'commit-msg', 'post-commit']) {
      rig.test.write(`.git/hooks/${hook}`, '#!/bin/sh\necho ran >> ran-by-hook\nexit 1\n')
      chmodSync(path.join(rig.test.root, '.git/hooks', hook), 0o755)
    }
    rig.test.git('config', 'commit.gpgsign', 'true')
    rig.test.git('config', 'core.editor', 'false')
    rig.test.write('new.txt', 'new\n')
    rig.test.write('ignored/x', 'x')
    const answer = await rig.commit('-m looks like an option\n\n# and a comment\n')
    expect(answer).toMatchObject({ sha: answer.head, ahead: 1, files: 1, additions: 1, deletions: 0 })
    expect(rig.test.git('show', '--stat=80', '--format=%an <%ae>|%cn|%B', 'HEAD')).toMatch(
      /^Ada "the first" Lovelace; #1 <ada@example.com>\|Ada "the first" Lovelace; #1\|-m looks like an option\n\n# and a comment\n.*new\.txt/s,
    )
    expect(rig.test.git('status', '--porcelain')).toBe('')
    expect(existsSync(path.join(rig.test.root, 'ran-by-hook'))).toBe(false)
  })

  it('answers null when there is nothing to commit', async () => {
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 0, files: 0 })
    rig.test.write('a.txt', 'a\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-m', 'by the agent')
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 1, files: 1 })
  })

  it('is named again to the run that it was made for, whose control plane may have died before it heard', async () => {
    rig.test.write('a.txt', 'a\n')
    const { sha } = await rig.commit('Fix it', 'run_1')
    expect(await rig.commit('Fix it', 'run_1')).toMatchObject({ sha: null, earlierSha: sha, head: sha, ahead: 1 })
    rig.test.git('checkout', '-q', 'origin/main')
    expect(await rig.commit('Fix it', 'run_1')).toMatchObject({ sha: null, earlierSha: sha, head: sha })
    expect(await rig.commit('Fix it', 'run_2')).not.toHaveProperty('earlierSha')
    expect(await rig.commit('Fix it')).not.toHaveProperty('earlierSha')
    rig.test.git('commit', '-q', '--allow-empty', '-m', 'Fix it')
    expect(await rig.commit('Fix it', 'run_1')).not.toHaveProperty('earlierSha')
  })

  it.each([
    ['on a branch of its own', () => rig.test.git('checkout', '-q', '-b', 'agents-own')],
    ['detached', () => rig.test.git('checkout', '-q', '--detach')],
  ])('keeps both parents of a merge that the agent left unfinished %s', async (_name, leave) => {
    rig.test.git('checkout', '-q', '-b', 'other')
    rig.test.write('theirs.txt', 'theirs\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'theirs')
    rig.test.git('checkout', '-q', 'berth/fix')
    leave()
    rig.test.git('merge', '-q', '--no-ff', '--no-commit', 'other')
    rig.test.write('mine.txt', 'mine\n')
    const { sha } = await rig.commit('Merge it', 'run_1')
    expect(rig.test.git('rev-list', '--parents', '-n', '1', 'berth/fix').trim().split(' ')).toHaveLength(3)
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')
    expect(await rig.commit('Merge it', 'run_1')).toMatchObject({ sha: null, earlierSha: sha })
  })

  it.each([
    ['on the target branch', () => ''],
    ['on a branch of its own', () => rig.test.git('checkout', '-q', '-b', 'agents-own')],
  ])('is in nobody else’s name where the agent left a pick unfinished %s', async (_name, leave) => {
    rig.test.git('checkout', '-q', '-b', 'other')
    rig.test.write('README.md', 'theirs\n')
    rig.test.git('commit', '-qam', 'theirs', '--author', 'Colleague <c@example.com>', '--date', '2001-01-01T00:00:00Z')
    rig.test.git('checkout', '-q', 'berth/fix')
    leave()
    rig.test.write('README.md', 'mine\n')
    rig.test.git('commit', '-qam', 'mine')
    expect(() => rig.test.git('cherry-pick', 'other')).toThrow('Command failed')
    rig.test.write('README.md', 'both\n')
    rig.test.git('add', '.')
    await rig.commit()
    expect(rig.test.git('log', '-1', '--format=%ae %as|%s', 'berth/fix')).toMatch(
      /^ada@example\.com (?!2001).*\|Fix it$/m,
    )
  })

  it('moves nothing that it then refuses', async () => {
    rig.test.git('checkout', '-q', '--orphan', 'fresh')
    rig.test.git('commit', '-qm', 'first')
    rig.test.git('branch', '-q', '-D', 'berth/fix')
    await expect(rig.commit()).rejects.toThrow('have no history in common with main')
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('fresh')
  })

  it('says so when the target branch has no history in common with the source branch', async () => {
    rig.test.git('checkout', '-q', '--orphan', 'fresh')
    rig.test.git('commit', '-qm', 'first')
    rig.test.git('branch', '-M', 'fresh', 'berth/fix')
    await expect(rig.commit()).rejects.toMatchObject({
      code: 'state_conflict',
      message:
        'The commits of the workspace have no history in common with main. Bring the work to berth/fix on top of main, then try again.',
    })
  })

  it('takes a history from elsewhere that was merged, also where the agent ended on it', async () => {
    rig.test.git('checkout', '-q', '--orphan', 'imported')
    rig.test.git('rm', '-rqf', '.')
    rig.test.git('commit', '-q', '--allow-empty', '-m', 'elsewhere')
    rig.test.git('checkout', '-q', 'berth/fix')
    rig.test.git('merge', '-q', '--allow-unrelated-histories', '--no-edit', 'imported')
    rig.test.git('checkout', '-q', 'imported')
    expect(await rig.commit()).toMatchObject({ sha: null, ahead: 2 })
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')
  })

  it('brings the target branch to where the agent went on from it', async () => {
    rig.test.git('checkout', '-q', '-b', 'agents-own')
    rig.test.write('a.txt', 'a\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'on another branch')
    rig.test.write('b.txt', 'b\n')
    expect(await rig.commit()).toMatchObject({ sha: expect.any(String), ahead: 2 })
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')

    rig.test.git('checkout', '-q', '--detach')
    rig.test.write('c.txt', 'c\n')
    expect(await rig.commit()).toMatchObject({ ahead: 3 })
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')
  })

  it('returns to the target branch from an older place where nothing was changed', async () => {
    rig.test.write('a.txt', 'a\n')
    const { head } = await rig.commit()
    rig.test.git('checkout', '-q', 'origin/main')
    expect(await rig.commit('Fix more')).toMatchObject({ sha: null, head, ahead: 1 })
  })

  it('says so when the agent’s branch and the target have parted', async () => {
    rig.test.write('a.txt', 'a\n')
    await rig.commit()
    rig.test.git('checkout', '-q', '-b', 'agents-own', 'origin/main')
    rig.test.write('b.txt', 'b\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'elsewhere')
    await expect(rig.commit()).rejects.toMatchObject({
      code: 'state_conflict',
      message:
        'HEAD is on the branch agents-own, which is not ahead of the target branch berth/fix. Check out berth/fix and bring the work there, then try again.',
    })
  })

  it('says which files have conflicts', async () => {
    rig.test.write('README.md', 'one\n')
    await rig.commit()
    rig.test.git('checkout', '-q', '-b', 'agents-own', 'origin/main')
    rig.test.write('README.md', 'two\n')
    rig.test.git('commit', '-qam', 'elsewhere')
    rig.test.git('checkout', '-q', 'berth/fix')
    expect(() => rig.test.git('merge', 'agents-own')).toThrow('Command failed')
    await expect(rig.commit()).rejects.toThrow('These files have unresolved merge conflicts:\nREADME.md')
  })

  it('takes away the lock that a killed git left', async () => {
    rig.test.write('.git/index.lock', '')
    utimesSync(path.join(rig.test.root, '.git/index.lock'), 1, 1)
    rig.test.write('a.txt', 'a\n')
    expect(await rig.commit()).toMatchObject({ ahead: 1 })
  })
})
