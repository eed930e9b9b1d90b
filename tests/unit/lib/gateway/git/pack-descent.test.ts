import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { showsDescent } from '../../../../../lib/gateway/git/pack-descent.ts'
import { gitEnvironment, runGit } from '../../../../../scripts/stand-ins/forge/git.ts'

const COMMITS = 300

/** A line of commits, one beside it, and a merge of both; the same long words in each, so that git makes deltas of commits. */
async function makeHistory(root: string, format: 'sha1' | 'sha256') {
  const directory = path.join(root, format)
  const git = async (args: string[], input: string) => {
    const child = spawn('git', args, { cwd: directory, env: await gitEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.end(input)
    return buffer(child.stdout)
  }
  await mkdir(directory)
  await runGit(['init', '--quiet', `--object-format=${format}`, '.'], { cwd: directory })
  const words = 'The same long words in every message of this history. '.repeat(20)
  const commands = ['commit refs/heads/line', 'mark :1', ...messageOf('base')]
  for (let mark = 2; mark <= COMMITS; mark += 1) {
    commands.push('commit refs/heads/line', `mark :${mark}`, ...messageOf(`${words}${mark}`), `from :${mark - 1}`)
  }
  commands.push('commit refs/heads/side', 'mark :1001', ...messageOf('beside'), 'from :1')
  commands.push('commit refs/heads/merge', 'mark :1002', ...messageOf('both'), 'from :1001', `merge :${COMMITS}`)
  const asked = [...Array.from({ length: COMMITS }, (_none, index) => index + 1), 1001, 1002]
  const marks = asked.map((mark) => `get-mark :${mark}`)
  const answer = await git(['fast-import', '--quiet', '--done'], [...commands, ...marks, 'done', ''].join('\n'))
  const ids = answer.toString().trim().split('\n')
  const [base = ''] = ids
  const line = ids.slice(1, COMMITS)
  const [side = '', merge = ''] = ids.slice(COMMITS)
  const pack = (newId: string, without: string, ...options: string[]) =>
    git(
      ['pack-objects', '--quiet', '--revs', '--stdout', '--thin', '--no-reuse-delta', ...options],
      `${newId}\n^${without}\n`,
    )
  return { base, line, side, merge, tip: line.at(-1) ?? '', pack }
}

function messageOf(text: string): string[] {
  return ['committer A <a@example.com> 1700000000 +0000', `data ${text.length}`, text]
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'berth-pack-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe.each(['sha1', 'sha256'] as const)('in a repository of %s', (format) => {
  let history: Awaited<ReturnType<typeof makeHistory>>
  beforeAll(async () => {
    history = await makeHistory(root, format)
  })

  test.each(['--delta-base-offset', '--quiet'])('a merge descends from both its sides (%s)', async (how) => {
    const { pack, merge, base, side, line } = history
    const whole = await pack(merge, base, how)
    for (const oldId of [base, side, ...line.filter((_id, index) => index % 30 === 0)]) {
      expect(showsDescent({ pack: whole, newId: merge, oldId })).toBe(true)
    }
    // There are deltas among the commits, or the pack would be many times as large.
    expect(whole.length).toBeLessThan(COMMITS * 300)
  })

  test('a commit does not descend from one beside it, nor from one that comes later', async () => {
    const { pack, merge, base, side, tip } = history
    const whole = await pack(merge, base)
    expect(showsDescent({ pack: whole, newId: side, oldId: tip })).toBe(false)
    expect(showsDescent({ pack: whole, newId: base, oldId: merge })).toBe(false)
    expect(showsDescent({ pack: whole, newId: tip, oldId: side })).toBe(false)
  })

  test('a chain that leaves the pack shows nothing', async () => {
    const { pack, merge, base, line } = history
    const short = await pack(merge, line[200] ?? '')
    expect(showsDescent({ pack: short, newId: merge, oldId: line[200] ?? '' })).toBe(true)
    expect(showsDescent({ pack: short, newId: merge, oldId: line[199] ?? '' })).toBe(false)
    expect(showsDescent({ pack: short, newId: base, oldId: line[199] ?? '' })).toBe(false)
  })

  test('a pack that is cut off shows what is whole', async () => {
    const { pack, merge, base, tip } = history
    const whole = await pack(merge, base)
    for (let length = 0; length < whole.length; length += 997) {
      showsDescent({ pack: whole.subarray(0, length), newId: merge, oldId: base })
    }
    expect(showsDescent({ pack: whole.subarray(0, 400), newId: merge, oldId: tip })).toBe(true)
    expect(showsDescent({ pack: whole.subarray(0, 400), newId: merge, oldId: base })).toBe(false)
  })
})

const OLD = 'a'.repeat(40)

/** One object as a pack holds it. */
function entry(type: number, bytes: Buffer, before = Buffer.alloc(0), size = bytes.length): Buffer {
  const header = [(type << 4) | (size & 15)]
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    header[header.length - 1] = (header.at(-1) ?? 0) | 128
    header.push(rest & 127)
  }
  return Buffer.concat([Buffer.from(header), before, deflateSync(bytes)])
}

function packOf(...entries: Buffer[]): Buffer {
  const head = Buffer.alloc(12)
  head.write('PACK')
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(entries.length, 8)
  return Buffer.concat([head, ...entries])
}

const idOf = (kind: string, content: Buffer) =>
  createHash('sha1').update(`${kind} ${content.length}\0`).update(content).digest('hex')

const commit = Buffer.from(`tree ${'1'.repeat(40)}\nparent ${OLD}\nauthor a <a> 0 +0000\n\nwords\n`)
const newId = idOf('commit', commit)

test('a pack of bytes is read as git’s is', () => {
  expect(showsDescent({ pack: packOf(entry(1, commit)), newId, oldId: OLD })).toBe(true)
})

test.each([
  ['no pack', Buffer.from('not a pack at all')],
  ['nothing', Buffer.alloc(0)],
  ['no objects', packOf()],
  ['another content under that name', packOf(entry(1, Buffer.from(commit.toString().replace('words', 'wordz'))))],
  ['a tag of that content', packOf(entry(4, commit))],
  ['a tree before it', packOf(entry(2, Buffer.from('x')), entry(1, commit))],
  ['an unknown kind before it', packOf(entry(5, Buffer.from('x')), entry(1, commit))],
  ['a size that is too small', packOf(entry(1, commit, undefined, commit.length - 1))],
  ['a size that is too large', packOf(entry(1, commit, undefined, commit.length + 1))],
  ['a size without end', Buffer.concat([packOf(entry(1, commit)).subarray(0, 12), Buffer.alloc(100_000, 0xff)])],
  ['a delta on nothing', packOf(entry(6, Buffer.from('x'), Buffer.from([1])), entry(1, commit))],
  ['a delta on itself', packOf(entry(6, Buffer.from('x'), Buffer.from([0])), entry(1, commit))],
  ['a delta on a stranger', packOf(entry(7, Buffer.from('x'), Buffer.alloc(20, 1)), entry(1, commit))],
  ['a bomb before it', packOf(entry(1, Buffer.alloc(64 * 1024 * 1024)), entry(1, commit))],
  ['a bomb that says it is small', packOf(entry(1, Buffer.alloc(8 * 1024 * 1024), undefined, 10), entry(1, commit))],
  ['a parent in the words of the message', packOf(entry(1, Buffer.from(`tree ${'1'.repeat(40)}\n\nparent ${OLD}\n`)))],
])('%s shows nothing', (_what, pack) => {
  expect(showsDescent({ pack, newId, oldId: OLD })).toBe(false)
})

test('a message that looks like a parent is none', () => {
  const content = Buffer.from(`tree ${'1'.repeat(40)}\nauthor a <a> 0 +0000\n\nparent ${OLD}\n`)
  const pack = packOf(entry(1, content))
  expect(showsDescent({ pack, newId: idOf('commit', content), oldId: OLD })).toBe(false)
})

test('a delta that grows without end stops at the bound', () => {
  const grow = Buffer.concat([
    Buffer.from([(commit.length & 127) | 128, commit.length >> 7]),
    // 2 GiB, by copies of the base.
    Buffer.from([0x80, 0x80, 0x80, 0x80, 0x08]),
    Buffer.alloc(1000, 0x90),
  ])
  const first = entry(1, commit)
  const pack = packOf(first, entry(6, grow, Buffer.from([first.length])))
  expect(showsDescent({ pack, newId, oldId: OLD })).toBe(true)
  expect(showsDescent({ pack, newId: 'b'.repeat(40), oldId: OLD })).toBe(false)
})
