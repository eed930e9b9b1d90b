import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createUnifiedDiff } from '../../../../../container/bridge/tools/unified-diff.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'berth-diff-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const diff = (before: string | null, after: string | null, maxChars = 1_000_000) =>
  createUnifiedDiff({ path: 'a.txt', before, after, maxChars })

/** git, which wrote neither side, is the judge. */
function applyWithGit(before: string, patch: string): string {
  writeFileSync(path.join(folder, 'a.txt'), before)
  execFileSync('git', ['apply', '--unidiff-zero', '-'], { cwd: folder, input: patch })
  return readFileSync(path.join(folder, 'a.txt'), 'utf8')
}

/** A small generator with a seed, so that a failure can be had again. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('createUnifiedDiff', () => {
  it('is what git would show for a small change', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n'
    const after = 'a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\n'
    expect(diff(before, after)).toEqual({
      diff: '--- a/a.txt\n+++ b/a.txt\n@@ -2,9 +2,10 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n i\n j\n+k\n',
      additions: 2,
      deletions: 1,
      truncated: false,
    })
  })

  it('names a missing newline at the end, and files that come and go', () => {
    expect(diff('a', 'a\n').diff).toContain('-a\n\\ No newline at end of file\n+a\n')
    expect(diff(null, 'a\n').diff).toBe('--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+a\n')
    expect(diff('a\n', null).diff).toBe('--- a/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n')
    expect(diff('a\r\n', 'a\n')).toMatchObject({ additions: 1, deletions: 1 })
  })

  it('turns one text into the other, for hundreds of random pairs', () => {
    const random = makeRandom(7)
    const randomText = () => {
      const lines = Array.from({ length: random(30) }, () => 'abcd'[random(4)]).join('\n')
      return lines === '' || random(4) === 0 ? `${lines}x` : `${lines}\n`
    }
    for (let round = 0; round < 200; round += 1) {
      const [before, after] = [randomText(), randomText()]
      if (before === after) continue
      expect(applyWithGit(before, diff(before, after).diff), `round ${round}`).toBe(after)
    }
  })

  it('finds the smallest difference', () => {
    expect(diff('a\nb\nc\na\nb\nb\na\n', 'c\nb\na\nb\na\nc\n')).toMatchObject({ additions: 2, deletions: 3 })
  })

  it('of texts that have nothing in common is done at once and whole', () => {
    const make = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}\n`).join('')
    const result = diff(make('before'), make('after'), 1_000)
    expect(result).toMatchObject({ additions: 20_000, deletions: 20_000, truncated: true })
    expect(result.diff.length).toBeLessThanOrEqual(1_000)
    expect(result.diff.endsWith('\n')).toBe(true)
  })
})
