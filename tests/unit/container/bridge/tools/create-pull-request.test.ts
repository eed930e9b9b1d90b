import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPullRequest } from '../../../../../container/bridge/tools/create-pull-request.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
let remote: string
beforeEach(async () => {
  rig = await makeToolRig()
  remote = path.join(rig.outside, 'remote.git')
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', remote])
  rig.git('init', '-q', '-b', 'main')
  rig.git('remote', 'add', 'origin', remote)
  rig.write('a.txt', 'one\n')
  rig.git('add', '.')
  rig.git('commit', '-qm', 'First')
  rig.git('push', '-q', 'origin', 'main')
  rig.git('checkout', '-qb', 'berth/work')
})
afterEach(() => rig.remove())

const request = { title: 'Repair "it" -m', body: 'Why.' }
const remoteRef = (ref: string) =>
  execFileSync('git', ['-C', remote, 'for-each-ref', '--format=%(subject)', ref], { encoding: 'utf8' }).trim()

describe('create_pull_request', () => {
  it('commits what is left with the title, pushes the target branch, and asks for the pull request', async () => {
    rig.write('a.txt', 'two\n')
    rig.write('new.txt', '')
    const asked: unknown[] = []
    rig.context.openPullRequest = async (given) => {
      asked.push(given, remoteRef('refs/heads/berth/work'))
      return { number: 12, url: 'http://forge/pull/12', action: 'opened' }
    }
    const result = await rig.call(createPullRequest, request)
    expect(result).toMatchObject({ outcome: 'ok', output: 'Opened pull request #12: http://forge/pull/12' })
    expect(asked).toEqual([request, request.title])
    const sha = rig.git('rev-parse', 'HEAD').trim()
    expect(rig.events).toEqual([
      { type: 'commit', data: { sha, subject: request.title, branch: 'berth/work', files: 2 } },
    ])
    expect(rig.git('status', '--porcelain')).toBe('')
  })

  it('pushes what the model committed itself, without a commit of its own', async () => {
    rig.write('a.txt', 'two\n')
    rig.git('commit', '-qam', 'By the model')
    expect(await rig.call(createPullRequest, request)).toMatchObject({ outcome: 'ok' })
    expect(rig.events).toEqual([])
    expect(remoteRef('refs/heads/berth/work')).toBe('By the model')
  })

  it('asks for nothing when there is nothing to propose', async () => {
    const result = await rig.call(createPullRequest, request)
    expect(result).toMatchObject({ outcome: 'error', output: expect.stringContaining('There is nothing to propose') })
    expect(remoteRef('refs/heads/berth/work')).toBe('')
  })

  it("gives a refused push in git's words, and asks for nothing", async () => {
    execFileSync('git', ['-C', remote, 'config', 'receive.denyCurrentBranch', 'refuse'])
    rig.write('a.txt', 'two\n')
    rig.write('.git/hooks/pre-push', '#!/bin/sh\necho not today; exit 1\n')
    chmodSync(path.join(rig.root, '.git/hooks/pre-push'), 0o755)
    rig.context.openPullRequest = async () => {
      throw new Error('must not be called')
    }
    const result = await rig.call(createPullRequest, request)
    expect(result.outcome).toBe('error')
    expect(result.output).toMatch(
      /^No pull request was opened: git push to berth\/work failed \(exit code 1\)\.\nnot today/,
    )
  })

  it("gives a refused commit in the hook's words", async () => {
    rig.write('.git/hooks/pre-commit', '#!/bin/sh\necho lint failed; exit 1\n')
    chmodSync(path.join(rig.root, '.git/hooks/pre-commit'), 0o755)
    rig.write('a.txt', 'two\n')
    expect((await rig.call(createPullRequest, request)).output).toMatch(
      /git commit failed \(exit code 1\)\.\nlint failed/,
    )
  })

  it('says what the control plane answered when the pull request could not be opened', async () => {
    rig.write('a.txt', 'two\n')
    rig.context.openPullRequest = async () => {
      throw new Error('No GitHub token is set.')
    }
    expect(await rig.call(createPullRequest, request)).toMatchObject({
      outcome: 'error',
      output: 'The work is pushed to berth/work, but the pull request could not be opened: No GitHub token is set.',
    })
  })
})
