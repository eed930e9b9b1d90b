import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gitDiff } from '../../../../../container/bridge/tools/git-diff.ts'
import { gitLog } from '../../../../../container/bridge/tools/git-log.ts'
import { gitStatus } from '../../../../../container/bridge/tools/git-status.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
  rig.git('init', '-q', '-b', 'main')
  rig.write('a.txt', 'one\n')
  rig.git('add', '.')
  rig.git('commit', '-qm', 'First')
})
afterEach(() => rig.remove())

describe('git_status', () => {
  it('shows the branch and what has changed', async () => {
    rig.write('a.txt', 'two\n')
    rig.write('häslich.txt', '')
    expect((await rig.call(gitStatus, { path: '.' })).output).toBe('## main\n M a.txt\n?? häslich.txt')
    expect((await rig.call(gitStatus, { path: 'a.txt' })).output).toBe('## main\n M a.txt')
  })

  it('takes no path for a flag or a pattern', async () => {
    rig.write('-z', '')
    rig.write('*.txt', '')
    rig.write('a.txt', 'two\n')
    expect((await rig.call(gitStatus, { path: '-z' })).output).toBe('## main\n?? -z')
    expect((await rig.call(gitStatus, { path: '*.txt' })).output).toBe('## main\n?? *.txt')
  })
})

describe('git_diff', () => {
  it('shows what is not committed, and names what is not tracked', async () => {
    rig.write('a.txt', 'two\n')
    rig.write('new.txt', '')
    const { output } = await rig.call(gitDiff, { base: 'HEAD' })
    expect(output).toMatch(/-one\n\+two\n\(untracked, not in the diff: new\.txt\)$/)
    expect((await rig.call(gitDiff, { base: 'HEAD', staged: true })).output).toBe('No changes against HEAD.')
    expect((await rig.call(gitDiff, { base: 'HEAD', stat: true, path: 'a.txt' })).output).toMatch(/a\.txt \| 2 \+-/)
  })

  it('never takes what the model gave for a flag', async () => {
    const result = await rig.call(gitDiff, { base: `--output=${path.join(rig.root, 'made')}` })
    expect(result.outcome).toBe('error')
    expect(existsSync(path.join(rig.root, 'made'))).toBe(false)
  })

  it('runs no program that the repository names for diffs', async () => {
    rig.write('.gitattributes', '*.txt diff=evil\n')
    rig.git('config', 'diff.evil.command', 'touch made #')
    rig.git('config', 'diff.evil.textconv', 'touch made #')
    rig.write('a.txt', 'two\n')
    expect((await rig.call(gitDiff, { base: 'HEAD' })).output).toContain('+two')
    expect(existsSync(path.join(rig.root, 'made'))).toBe(false)
  })

  it('bounds a long one and says where the rest is', async () => {
    rig.write('a.txt', 'a line of text\n'.repeat(5_000))
    const { output, detail } = await rig.call(gitDiff, { base: 'HEAD' })
    expect(output.length).toBeLessThan(31_000)
    expect(output).toContain(`the whole output is in ${detail?.outputPath}`)
  })

  it("answers a ref that is not there in git's words", async () => {
    const result = await rig.call(gitDiff, { base: 'no-such-branch' })
    expect(result).toMatchObject({
      outcome: 'error',
      output: expect.stringMatching(/failed with exit code 128\.\nfatal: .*no-such-branch/),
    })
  })
})

describe('git_log', () => {
  it('shows the last commits, of a path or a range', async () => {
    rig.write('b.txt', '')
    rig.git('add', '.')
    rig.git('commit', '-qm', 'Second')
    const subjects = async (input: Record<string, unknown>) =>
      (await rig.call(gitLog, { limit: 10, ...input })).output
        .split('\n')
        .map((line) => line.replace(/^\w+ [\d-]+ Ada: /, ''))
    expect(await subjects({})).toEqual(['Second', 'First'])
    expect(await subjects({ limit: 1 })).toEqual(['Second'])
    expect(await subjects({ path: 'a.txt' })).toEqual(['First'])
    expect(await subjects({ ref: 'HEAD~1..HEAD' })).toEqual(['Second'])
    expect(await subjects({ ref: 'HEAD..HEAD' })).toEqual(['No commits.'])
  })

  it('never takes what the model gave for a flag', async () => {
    const result = await rig.call(gitLog, { limit: 1, ref: `--output=${path.join(rig.root, 'made')}` })
    expect(result.outcome).toBe('error')
    expect(existsSync(path.join(rig.root, 'made'))).toBe(false)
  })
})
