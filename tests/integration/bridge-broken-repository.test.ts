/** A workspace whose repository is gone or broken: it is not called empty, and a new clone loses nothing of what is there. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CloneCommand } from '../../container/contract/bridge.ts'
import { type BridgeGitRig, startBridgeGitRig } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('a workspace whose repository is gone or broken', () => {
  const at = (...names: string[]) => path.join(rig.test.root, ...names)
  const isAside = (name: string) => /^\.berth-before-\d{8}T\d{6}Z(-\d+)?$/.test(name)
  const asides = () => readdirSync(rig.test.root).filter(isAside)
  const filesOf = (aside: string) => readdirSync(at(aside, 'files'))
  const again = (changes: Partial<CloneCommand> = {}) => rig.mustClone({ setAside: true, ...changes })

  /** Has `script` run in place of a program while `work` goes on. */
  const instead = async <T>(program: string, script: string, work: () => Promise<T>) => {
    const { PATH } = rig.test.env
    const shims = path.join(rig.directory, 'shims')
    mkdirSync(shims)
    writeFileSync(path.join(shims, program), `#!/bin/sh\nPATH='${PATH}'\n${script}\n`, { mode: 0o755 })
    rig.test.env.PATH = `${shims}:${PATH}`
    const result = await work()
    rig.test.env.PATH = PATH
    return result
  }
  const cutOffInFetch = () =>
    instead('git', 'case "$*" in *" fetch "*) kill -9 $$ ;; esac\nexec git "$@"', async () =>
      (await rig.clone({ setAside: true })).at(-1),
    )

  beforeEach(async () => {
    await rig.mustClone()
    rig.test.write('work.txt', 'unsaved work')
    rig.test.write('ignored/cache.bin', 'x')
    mkdirSync(at('sealed'), { mode: 0o555 })
  })

  it.each([
    ['whose .git was removed', () => rmSync(at('.git'), { recursive: true })],
    ['whose branch a power cut left empty', () => writeFileSync(at('.git/refs/heads/berth/fix'), '')],
    [
      'whose branch names a commit that is not there',
      () => writeFileSync(at('.git/refs/heads/berth/fix'), `${'a'.repeat(40)}\n`),
    ],
    ['whose HEAD a power cut left empty', () => writeFileSync(at('.git/HEAD'), '')],
    [
      'that git does not come back from',
      () => {
        const pipe = path.join(rig.test.outside, 'pipe')
        execFileSync('mkfifo', [pipe])
        rmSync(at('.git/HEAD'))
        symlinkSync(pipe, at('.git/HEAD'))
      },
    ],
    [
      'whose .git is a link to somewhere outside, on a branch without a commit',
      () => {
        rig.test.git('checkout', '--quiet', '--orphan', 'fresh')
        renameSync(at('.git'), path.join(rig.test.outside, 'git'))
        symlinkSync(path.join(rig.test.outside, 'git'), at('.git'))
      },
    ],
    [
      'that nobody may write to',
      () => {
        rmSync(at('.git'), { recursive: true })
        chmodSync(rig.test.root, 0o555)
      },
    ],
    ['whose clone is of no repository', () => rig.test.git('config', '--unset', 'berth.repository')],
    [
      'whose .git was unpacked into it',
      () => {
        for (const name of readdirSync(at('.git'))) renameSync(at('.git', name), at(name))
        rmSync(at('.git'), { recursive: true })
      },
    ],
    ['whose settings cannot be read', () => writeFileSync(at('.git/config'), '[berth\n')],
    [
      'that has a repository of the agent’s own',
      () => {
        rmSync(at('.git'), { recursive: true })
        rig.test.git('init', '--quiet')
      },
    ],
  ])(
    '%s is not called empty, and a clone is made beside what is there when that is asked for',
    async (_name, breakIt) => {
      breakIt()
      const before = readdirSync(rig.test.root).sort()
      expect(await rig.client.workspaceState()).toMatchObject({ cloned: false, empty: false, head: null })
      expect((await rig.client.health()).workspace).toEqual({ cloned: false })
      expect((await rig.clone()).at(-1)).toMatchObject({ error: { code: 'state_conflict' } })
      expect(readdirSync(rig.test.root).sort()).toEqual(before)

      const result = await again()
      expect(result).toMatchObject({ branch: 'berth/fix', existing: false, setAside: asides() })
      const [aside = ''] = asides()
      expect(filesOf(aside).sort()).toEqual(before)
      expect(readFileSync(at(aside, 'files', 'work.txt'), 'utf8')).toBe('unsaved work')
      expect(existsSync(at('work.txt'))).toBe(false)
      expect(await rig.client.workspaceState()).toMatchObject({
        cloned: true,
        digest: createHash('sha256').digest('hex'),
      })
      expect(await rig.commit()).toMatchObject({ sha: null, ahead: 0 })
      expect(await again()).toMatchObject({ existing: true })
      expect(asides()).toEqual([aside])
    },
    // In one of them git is waited for, three times.
    90_000,
  )

  it('is not taken for one because of pipes that git does not open', async () => {
    execFileSync('mkfifo', [at('.git/notes-of-the-agent')])
    expect(await rig.client.workspaceState()).toMatchObject({ cloned: true })
    expect(await again()).toMatchObject({ existing: true })
  })

  it.each([
    [
      'replaced by one of the agent’s own',
      () => {
        rmSync(at('.git'), { recursive: true })
        rig.test.git('init', '--quiet')
      },
    ],
    ['left without Berth’s mark', () => rig.test.git('config', '--unset', 'berth.cloned')],
  ])('%s is none that a pull request can come from, and nothing of it is lost', async (_name, change) => {
    change()
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'by the agent')
    const head = rig.test.git('rev-parse', 'HEAD')
    expect(await rig.client.workspaceState()).toMatchObject({ cloned: false, empty: false })
    expect((await rig.client.health()).workspace).toEqual({ cloned: false })
    await expect(rig.commit()).rejects.toThrow("The workspace holds no clone of Berth's.")
    await expect(rig.push()).rejects.toThrow("The workspace holds no clone of Berth's.")
    const { setAside: [aside = ''] = [] } = await again()
    expect(aside).toSatisfy(isAside)
    expect(rig.test.git('-C', `${aside}/files`, 'rev-parse', 'HEAD')).toBe(head)
    expect(await rig.client.workspaceState()).toMatchObject({ cloned: true })
  })

  it.each([
    ['on a branch without a commit', () => rig.test.git('checkout', '--quiet', '--orphan', 'fresh')],
    ['with a branch that a power cut left empty', () => writeFileSync(at('.git/refs/heads/berth/fix'), '')],
    [
      'with nothing but a repository',
      () => {
        rig.test.git('checkout', '--quiet', '--orphan', 'fresh')
        for (const name of readdirSync(rig.test.root)) if (name !== '.git') rmSync(at(name), { recursive: true })
      },
    ],
  ])(
    '%s and without Berth’s mark is not taken for an interrupted clone where an agent has worked',
    async (_name, change) => {
      rig.test.git('config', '--unset', 'berth.cloned')
      change()
      const before = readdirSync(rig.test.root).sort()
      const { setAside: [aside = ''] = [] } = await again()
      expect(aside).toSatisfy(isAside)
      expect(filesOf(aside).sort()).toEqual(before)
      expect(readFileSync(at(aside, 'files', '.git/config'), 'utf8')).toContain('[berth]')
    },
  )

  it('of which only the .git of an attempt is left that was cut off in its fetch is done again', async () => {
    for (const name of readdirSync(rig.test.root)) rmSync(at(name), { recursive: true })
    rig.test.git('init', '--quiet', '--initial-branch=main')
    rig.test.git('config', 'berth.repository', 'octo/sample')
    expect(await again()).toEqual({ head: await rig.remote('rev-parse', 'main'), branch: 'berth/fix', existing: false })
  })

  it('of which only .git is left loses nothing of that', async () => {
    for (const name of readdirSync(rig.test.root)) if (name !== '.git') rmSync(at(name), { recursive: true })
    writeFileSync(at('.git/HEAD'), '')
    const { setAside: [aside = ''] = [] } = await again()
    expect(aside).toSatisfy(isAside)
    expect(existsSync(at(aside, 'files', '.git/refs/heads/berth/fix'))).toBe(true)
  })

  it('has all of it moved when the moving was killed in between and is done again', async () => {
    rmSync(at('.git/HEAD'))
    const before = readdirSync(rig.test.root).sort()
    const mv = 'echo x >> "$0.calls"\n[ "$(wc -l < "$0.calls")" -le 2 ] || kill -9 "$PPID"\nexec mv "$@"'
    await instead('mv', mv, async () => {
      expect((await rig.clone({ setAside: true })).at(-1)).toMatchObject({ error: { code: 'upstream_failed' } })
    })
    expect(filesOf(asides()[0] ?? '').length).toBeLessThan(before.length)
    expect(await rig.client.workspaceState()).toMatchObject({ cloned: false, empty: false })
    const { setAside = [] } = await again()
    expect(setAside.length).toBe(2)
    expect(setAside.flatMap((aside) => filesOf(aside)).sort()).toEqual(before)
  })

  it.each([
    ['a branch is missing', { sourceBranch: 'nowhere' }, 'branch_not_found'],
    ['the target is missing', { adoptTargetBranch: true }, 'branch_not_found'],
    ['the repository is another', { repository: 'octo/other' }, 'repository_forbidden'],
  ])('is left as it is when %s', async (_name, changes, code) => {
    writeFileSync(at('.git/config'), '[berth\n')
    const before = readdirSync(rig.test.root).sort()
    expect((await rig.clone({ setAside: true, ...changes })).at(-1)).toMatchObject({ error: { code } })
    expect(readdirSync(rig.test.root).sort()).toEqual(before)
  })

  it('has all of it moved when the moving was killed before the first file and is done again', async () => {
    rmSync(at('.git'), { recursive: true })
    const before = readdirSync(rig.test.root).sort()
    const script = 'case "$*" in "init "*.berth-before-*) kill -9 "$PPID" ;; esac\nexec git "$@"'
    await instead('git', script, async () => {
      expect((await rig.clone({ setAside: true })).at(-1)).toMatchObject({ error: { code: 'upstream_failed' } })
    })
    const [cutOff = ''] = asides()
    expect(readdirSync(rig.test.root).sort()).toEqual([cutOff, ...before].sort())
    await again()
    const [aside = ''] = asides().filter((name) => name !== cutOff)
    expect(filesOf(aside).sort()).toEqual(before)
  })

  it.each([
    ['gone', () => rmSync(at('.git'), { recursive: true })],
    ['broken', () => rmSync(at('.git/HEAD'))],
  ])('whose repository is %s keeps its files when the agent cleans the new clone', async (_name, breakIt) => {
    breakIt()
    const before = readdirSync(rig.test.root).sort()
    const { setAside: [aside = ''] = [] } = await again()
    rig.test.write('ignored/cache.bin', 'x')
    rig.test.write('junk.txt', 'x')
    rig.test.git('clean', '-fdxq')
    expect(readdirSync(rig.test.root).sort()).toEqual([aside, '.git', '.gitignore', 'README.md'].sort())
    expect(filesOf(aside).sort()).toEqual(before)
    expect(readFileSync(at(aside, 'files', 'work.txt'), 'utf8')).toBe('unsaved work')
  })

  it('keeps what was moved aside when the clone after it was cut off, and when it breaks once more', async () => {
    rmSync(at('.git'), { recursive: true })
    expect(await cutOffInFetch()).toHaveProperty('error')
    const [first = ''] = asides()
    expect(await rig.client.workspaceState()).toMatchObject({ cloned: false, empty: false })
    expect(await again()).toMatchObject({ setAside: [first] })
    rmSync(at('.git'), { recursive: true })
    const { setAside = [] } = await again()
    expect(setAside).toHaveLength(2)
    expect(readFileSync(at(first, 'files', 'work.txt'), 'utf8')).toBe('unsaved work')
    expect(setAside.flatMap((aside) => filesOf(aside)).filter(isAside)).toEqual([])
  })
})
