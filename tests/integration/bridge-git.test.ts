import { execFile, execFileSync } from 'node:child_process'
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
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CloneCommand, CloneMessage, SetupMessage } from '../../container/contract/bridge.ts'
import { systemClock } from '../../lib/clock.ts'
import { BerthError } from '../../lib/errors.ts'
import type { GatewayAccess, GitGrant } from '../../lib/gateway/ports.ts'
import { createTunnelServer, type TunnelServer } from '../../lib/gateway/tunnel/tunnel-server.ts'
import { silentLogger } from '../../lib/logger.ts'
import { type ForgeStandIn, startForge } from '../../scripts/stand-ins/forge/start-forge.ts'
import { type BridgeRig, startBridgeRig } from '../support/bridge-rig.ts'

const TOKEN = 'forge-token'
const USER = { name: 'Ada "the first" Lovelace; #1 \\', email: 'ada@example.com' }
const COMMAND: CloneCommand = {
  repository: 'octo/sample',
  sourceBranch: 'main',
  targetBranch: 'berth/fix',
  adoptTargetBranch: false,
  user: USER,
}

let rig: BridgeRig
let forge: ForgeStandIn
let gateway: TunnelServer
let grant: GitGrant

beforeEach(async () => {
  rig = await startBridgeRig()
  const seed = path.join(rig.directory, 'seed')
  mkdirSync(seed)
  writeFileSync(path.join(seed, 'README.md'), '# Sample\n')
  writeFileSync(path.join(seed, '.gitignore'), 'ignored/\n')
  forge = await startForge({
    token: TOKEN,
    repositories: [
      { fullName: 'octo/sample', from: seed },
      { fullName: 'octo/other', from: seed },
      { fullName: 'octo/empty', from: null },
    ],
  })
  grant = {
    repository: 'octo/sample',
    targetBranch: 'berth/fix',
    readRepos: [],
    targetTip: null,
    baseUrl: forge.url,
    token: TOKEN,
  }
  gateway = createTunnelServer({ access: access(), logger: silentLogger, clock: systemClock })
  await bringTunnels()
})

afterEach(async () => {
  await rig.close()
  await gateway.close()
  await forge.close()
})

async function bringTunnels() {
  const owner = { agentId: 'agt_test', incarnation: 'inc_test' }
  for (const kind of ['control', 'egress'] as const) {
    gateway.attach({ socket: await rig.client.openTunnel(kind, 1), kind, owner })
  }
}

function access(): GatewayAccess {
  const refuse = async (): Promise<never> => {
    throw new BerthError('forbidden', 'Not in this test.')
  }
  return {
    model: { begin: refuse, noteGeneration: async () => undefined, settle: async () => undefined },
    git: {
      grant: async () => grant,
      async recordPush(_agentId, push) {
        if (push.outcome === 'ok') grant = { ...grant, targetTip: push.newSha }
      },
    },
    egress: { policy: refuse, recordDenied: async () => undefined },
    forge: { openPullRequest: refuse },
    people: { take: refuse },
  }
}

async function clone(changes: Partial<CloneCommand> = {}): Promise<CloneMessage[]> {
  const messages: CloneMessage[] = []
  for await (const message of rig.client.clone({ ...COMMAND, ...changes })) messages.push(message)
  return messages
}

async function mustClone(changes: Partial<CloneCommand> = {}) {
  const last = (await clone(changes)).at(-1)
  if (!last || !('result' in last)) throw new Error(`The clone failed: ${JSON.stringify(last)}`)
  return last.result
}

const commit = (message = 'Fix it') => rig.client.commit({ message, author: USER })
const push = () => rig.client.push({ targetBranch: 'berth/fix' })
const remote = async (...args: string[]) =>
  (await promisify(execFile)('git', ['-C', forge.directoryOf('octo/sample'), ...args])).stdout.trim()

describe('clone', () => {
  it('puts the source branch into the workspace and begins the target branch from it', async () => {
    const messages = await clone()
    const head = await remote('rev-parse', 'main')
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
    await mustClone()
    rig.test.write('work.txt', 'unsaved work')
    const again = await clone()
    expect(again).toEqual([{ result: { head: expect.any(String), branch: 'berth/fix', existing: true } }])
    expect(readFileSync(path.join(rig.test.root, 'work.txt'), 'utf8')).toBe('unsaved work')
    expect((await clone({ repository: 'octo/other' })).at(-1)).toMatchObject({ error: { code: 'state_conflict' } })
  })

  it('refuses a workspace that holds something else, and touches nothing', async () => {
    rig.test.write('mine.txt', 'mine')
    expect(await clone()).toEqual([{ error: { code: 'state_conflict', message: expect.stringContaining('mine.txt') } }])
    expect(existsSync(path.join(rig.test.root, '.git'))).toBe(false)
  })

  it('does an interrupted attempt over again', async () => {
    await mustClone()
    rig.test.git('config', '--unset', 'berth.cloned')
    rig.test.write('half.txt', 'half')
    rmSync(path.join(rig.test.root, 'README.md'))
    expect(await mustClone()).toMatchObject({ existing: false })
    expect(existsSync(path.join(rig.test.root, 'half.txt'))).toBe(false)
    expect(existsSync(path.join(rig.test.root, 'README.md'))).toBe(true)
  })

  it('continues a target branch that exists when it is adopted, and only then', async () => {
    await remote('branch', 'berth/fix', 'main')
    const tree = await remote('rev-parse', 'main^{tree}')
    const identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
    const tip = await remote(...identity, 'commit-tree', tree, '-p', 'main', '-m', 'earlier work')
    await remote('update-ref', 'refs/heads/berth/fix', tip)
    expect(await mustClone({ adoptTargetBranch: true })).toEqual({ head: tip, branch: 'berth/fix', existing: false })
    expect(await commit()).toMatchObject({ sha: null, ahead: 1 })
  })

  it('begins at the source branch where the target may be gone, and is', async () => {
    const changes = { adoptTargetBranch: true, targetMayBeGone: true }
    const head = await remote('rev-parse', 'main')
    expect(await mustClone(changes)).toEqual({ head, branch: 'berth/fix', existing: false })
    expect(await commit()).toMatchObject({ sha: null, ahead: 0 })
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
    expect((await clone(changes)).at(-1)).toMatchObject({ error: { code } })
  })

  it('says that a repository is empty', async () => {
    grant = { ...grant, repository: 'octo/empty' }
    expect((await clone({ repository: 'octo/empty' })).at(-1)).toEqual({
      error: {
        code: 'empty_repository',
        message: 'octo/empty has no branches yet. Push a first commit to it, then start again.',
      },
    })
  })

  it('says that the repository is gone from the forge, in the broker’s words', async () => {
    grant = { ...grant, repository: 'octo/gone' }
    expect((await clone({ repository: 'octo/gone' })).at(-1)).toMatchObject({
      error: { code: 'repository_not_found', message: expect.stringContaining('octo/gone') },
    })
  })

  it('ends when the control plane goes away, and the next attempt works', async () => {
    const abort = new AbortController()
    const attempt = (async () => {
      for await (const _message of rig.client.clone(COMMAND, abort.signal)) abort.abort(new Error('gone'))
    })()
    await expect(attempt).rejects.toThrow('gone')
    expect(await mustClone()).toMatchObject({ branch: 'berth/fix' })
  })
})

describe('commit', () => {
  beforeEach(async () => {
    await mustClone()
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
    const answer = await commit('-m looks like an option\n\n# and a comment\n')
    expect(answer).toMatchObject({ sha: answer.head, ahead: 1, files: 1, additions: 1, deletions: 0 })
    expect(rig.test.git('show', '--stat=80', '--format=%an <%ae>|%cn|%B', 'HEAD')).toMatch(
      /^Ada "the first" Lovelace; #1 <ada@example.com>\|Ada "the first" Lovelace; #1\|-m looks like an option\n\n# and a comment\n.*new\.txt/s,
    )
    expect(rig.test.git('status', '--porcelain')).toBe('')
    expect(existsSync(path.join(rig.test.root, 'ran-by-hook'))).toBe(false)
  })

  it('answers null when there is nothing to commit', async () => {
    expect(await commit()).toMatchObject({ sha: null, ahead: 0, files: 0 })
    rig.test.write('a.txt', 'a\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-m', 'by the agent')
    expect(await commit()).toMatchObject({ sha: null, ahead: 1, files: 1 })
  })

  it('answers with the same commit when it is asked for once more, for its answer may have been lost', async () => {
    rig.test.write('a.txt', 'a\n')
    const words = 'Fix it\n\n\nIn two places.  \n'
    const { sha } = await commit(words)
    expect(await commit(words)).toMatchObject({ sha, head: sha, ahead: 1, files: 1 })
    expect(await commit('Something else')).toMatchObject({ sha: null, head: sha })
  })

  it('says so when the work has no history in common with the source branch', async () => {
    rig.test.git('checkout', '-q', '--orphan', 'fresh')
    rig.test.git('commit', '-qm', 'first')
    await expect(commit()).rejects.toMatchObject({
      code: 'state_conflict',
      message:
        'The commits of the workspace have no history in common with main. Bring the work to berth/fix on top of main, then try again.',
    })
  })

  it('brings the target branch to where the agent went on from it', async () => {
    rig.test.git('checkout', '-q', '-b', 'agents-own')
    rig.test.write('a.txt', 'a\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'on another branch')
    rig.test.write('b.txt', 'b\n')
    expect(await commit()).toMatchObject({ sha: expect.any(String), ahead: 2 })
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')

    rig.test.git('checkout', '-q', '--detach')
    rig.test.write('c.txt', 'c\n')
    expect(await commit()).toMatchObject({ ahead: 3 })
    expect(rig.test.git('symbolic-ref', '--short', 'HEAD').trim()).toBe('berth/fix')
  })

  it('returns to the target branch from an older place where nothing was changed', async () => {
    rig.test.write('a.txt', 'a\n')
    const { head } = await commit()
    rig.test.git('checkout', '-q', 'origin/main')
    expect(await commit('Fix more')).toMatchObject({ sha: null, head, ahead: 1 })
  })

  it('says so when the agent’s branch and the target have parted', async () => {
    rig.test.write('a.txt', 'a\n')
    await commit()
    rig.test.git('checkout', '-q', '-b', 'agents-own', 'origin/main')
    rig.test.write('b.txt', 'b\n')
    rig.test.git('add', '.')
    rig.test.git('commit', '-qm', 'elsewhere')
    await expect(commit()).rejects.toMatchObject({
      code: 'state_conflict',
      message:
        'HEAD is on the branch agents-own, which is not ahead of the target branch berth/fix. Check out berth/fix and bring the work there, then try again.',
    })
  })

  it('says which files have conflicts', async () => {
    rig.test.write('README.md', 'one\n')
    await commit()
    rig.test.git('checkout', '-q', '-b', 'agents-own', 'origin/main')
    rig.test.write('README.md', 'two\n')
    rig.test.git('commit', '-qam', 'elsewhere')
    rig.test.git('checkout', '-q', 'berth/fix')
    expect(() => rig.test.git('merge', 'agents-own')).toThrow('Command failed')
    await expect(commit()).rejects.toThrow('These files have unresolved merge conflicts:\nREADME.md')
  })

  it('takes away the lock that a killed git left', async () => {
    rig.test.write('.git/index.lock', '')
    utimesSync(path.join(rig.test.root, '.git/index.lock'), 1, 1)
    rig.test.write('a.txt', 'a\n')
    expect(await commit()).toMatchObject({ ahead: 1 })
  })
})

describe('push', () => {
  beforeEach(async () => {
    await mustClone()
    rig.test.write('a.txt', 'a\n')
    await commit()
  })

  it('moves the target branch on the forge', async () => {
    const answer = await push()
    expect(answer).toMatchObject({ ok: true, head: await remote('rev-parse', 'berth/fix') })
    rig.test.write('b.txt', 'b\n')
    await commit()
    expect(await push()).toMatchObject({ ok: true })
    expect(await push()).toMatchObject({ ok: true })
    expect(rig.test.git('rev-parse', 'origin/berth/fix')).toBe(rig.test.git('rev-parse', 'HEAD'))
  })

  it('answers with the broker’s words when it is refused', async () => {
    await push()
    grant = { ...grant, targetBranch: 'berth/other' }
    rig.test.write('b.txt', 'b\n')
    await commit()
    const answer = await push()
    expect(answer.ok).toBe(false)
    expect(answer.message).toContain('(only refs/heads/berth/other may be pushed by this agent)')
  })

  it('goes on after the tunnel was gone for a moment', async () => {
    await gateway.close()
    gateway = createTunnelServer({ access: access(), logger: silentLogger, clock: systemClock })
    const pushed = push()
    await bringTunnels()
    expect(await pushed).toMatchObject({ ok: true })
  })
})

describe('the agent’s own git', () => {
  it('fetches through the proxy and is refused, in words, what is not its own', async () => {
    await mustClone()
    const env = { ...process.env, ...rig.test.env, http_proxy: rig.proxyUrl, no_proxy: '', NO_PROXY: '' }
    const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: rig.test.root, env })
    await git('fetch', 'origin')
    await expect(git('ls-remote', 'http://git.berth/octo/other.git')).rejects.toThrow('403')
    rig.test.write('a.txt', 'a')
    await commit()
    await expect(git('push', 'origin', 'HEAD:refs/heads/main')).rejects.toThrow('main')
  })
})

describe('the state of the workspace', () => {
  const state = () => rig.client.workspaceState()

  it('says that there is no clone', async () => {
    expect(await state()).toEqual({ cloned: false, empty: true, head: null, branch: null, digest: null })
    mkdirSync(path.join(rig.test.root, 'lost+found'))
    expect(await state()).toMatchObject({ cloned: false, empty: true })
  })

  it('stays the same while nothing changes, and for what git ignores', async () => {
    const { head } = await mustClone()
    const before = await state()
    expect(before).toMatchObject({ cloned: true, head, branch: 'berth/fix' })
    // Of nothing: what a log holds from before stays comparable.
    expect(before.digest).toBe(createHash('sha256').digest('hex'))
    rig.test.write('ignored/cache.bin', 'x')
    expect(await state()).toEqual(before)
  })

  it('has no branch once HEAD is detached', async () => {
    const { head } = await mustClone()
    rig.test.git('checkout', '--quiet', '--detach')
    expect(await state()).toMatchObject({ cloned: true, head, branch: null })
  })

  it('is that of no clone before the first commit', async () => {
    rig.test.git('init', '--quiet')
    expect(await state()).toEqual({ cloned: false, empty: false, head: null, branch: null, digest: null })
  })

  it('changes with a tracked file, a new file, and a commit', async () => {
    await mustClone()
    const seen = [await state()]
    rig.test.write('README.md', '# Other\n')
    seen.push(await state())
    rig.test.write('new.txt', 'new')
    seen.push(await state())
    await commit()
    seen.push(await state())
    expect(new Set(seen.map(({ head, digest }) => `${head} ${digest}`)).size).toBe(4)
  })
})

describe('a branch that has no commit yet', () => {
  const state = () => rig.client.workspaceState()

  beforeEach(async () => {
    await mustClone()
    rig.test.git('checkout', '--quiet', '--orphan', 'fresh')
  })

  it('is work that a run goes on from', async () => {
    const before = await state()
    expect(before).toMatchObject({ cloned: true, head: null, branch: 'fresh', digest: expect.any(String) })
    expect(await state()).toEqual(before)
    expect((await rig.client.health()).workspace).toEqual({ cloned: true })
    expect(await clone()).toEqual([{ result: { head: null, branch: 'fresh', existing: true } }])
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
    await expect(commit()).rejects.toMatchObject({ code: 'state_conflict', message: words('fresh') })
    expect(await state()).toEqual(before)
    rig.test.git('checkout', '--quiet', '-f', 'berth/fix')
    rig.test.git('update-ref', '-d', 'HEAD')
    await expect(commit()).rejects.toMatchObject({ code: 'state_conflict', message: words('berth/fix') })
    rig.test.git('reset', '--quiet', '--soft', 'origin/main')
    expect(await commit()).toMatchObject({ sha: null, ahead: 0 })
  })
})

describe('a workspace whose repository is gone or broken', () => {
  const at = (...names: string[]) => path.join(rig.test.root, ...names)
  const isAside = (name: string) => /^\.berth-before-\d{8}T\d{6}Z(-\d+)?$/.test(name)
  const asides = () => readdirSync(rig.test.root).filter(isAside)
  const filesOf = (aside: string) => readdirSync(at(aside, 'files'))
  const again = (changes: Partial<CloneCommand> = {}) => mustClone({ setAside: true, ...changes })

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
      (await clone({ setAside: true })).at(-1),
    )

  beforeEach(async () => {
    await mustClone()
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
      'that git waits in for ever',
      () => {
        rmSync(at('.git/HEAD'))
        execFileSync('mkfifo', [at('.git/HEAD')])
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
      expect((await clone()).at(-1)).toMatchObject({ error: { code: 'state_conflict' } })
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
      expect(await commit()).toMatchObject({ sha: null, ahead: 0 })
      expect(await again()).toMatchObject({ existing: true })
      expect(asides()).toEqual([aside])
    },
    // In one of them git is waited for.
    60_000,
  )

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
    await expect(commit()).rejects.toThrow("The workspace holds no clone of Berth's.")
    await expect(push()).rejects.toThrow("The workspace holds no clone of Berth's.")
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
    expect(await again()).toEqual({ head: await remote('rev-parse', 'main'), branch: 'berth/fix', existing: false })
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
      expect((await clone({ setAside: true })).at(-1)).toMatchObject({ error: { code: 'upstream_failed' } })
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
    expect((await clone({ setAside: true, ...changes })).at(-1)).toMatchObject({ error: { code } })
    expect(readdirSync(rig.test.root).sort()).toEqual(before)
  })

  it('has all of it moved when the moving was killed before the first file and is done again', async () => {
    rmSync(at('.git'), { recursive: true })
    const before = readdirSync(rig.test.root).sort()
    const script = 'case "$*" in "init "*.berth-before-*) kill -9 "$PPID" ;; esac\nexec git "$@"'
    await instead('git', script, async () => {
      expect((await clone({ setAside: true })).at(-1)).toMatchObject({ error: { code: 'upstream_failed' } })
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

describe('the setup script', () => {
  const setup = async (script: string) => {
    const messages: SetupMessage[] = []
    for await (const message of rig.client.setup({ script, timeoutMs: 20_000 })) messages.push(message)
    return messages
  }

  it('runs once for each script, its output streamed', async () => {
    const script = 'echo one; echo x >> runs.txt'
    expect(await setup(script)).toEqual([
      { output: 'one\n' },
      { result: { ran: true, durationMs: expect.any(Number) } },
    ])
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: false } })
    expect((await setup(`${script} `)).at(-1)).toMatchObject({ result: { ran: true } })
    expect(readFileSync(path.join(rig.test.root, 'runs.txt'), 'utf8')).toBe('x\nx\n')
  })

  it('runs again in a clone that was made anew, for what it installed went with the last one', async () => {
    const script = 'echo x >> installed.txt'
    await mustClone()
    await setup(script)
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: false } })
    for (const name of readdirSync(rig.test.root)) rmSync(path.join(rig.test.root, name), { recursive: true })
    await mustClone()
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: true } })
    expect(existsSync(path.join(rig.test.root, 'installed.txt'))).toBe(true)
  })

  it('that fails says so with its last lines, and is run again', async () => {
    const script = 'seq 1 60; exit 3'
    const last = (await setup(script)).at(-1)
    if (!last || !('error' in last)) throw new Error('the script did not fail')
    expect(last.error).toMatchObject({ code: 'start_failed', message: 'The setup script ended with exit code 3.' })
    expect(last.error.tail).toHaveLength(50)
    expect(last.error.tail.at(-1)).toBe('60')
    expect((await setup(script)).at(-1)).toHaveProperty('error')
  })
})
