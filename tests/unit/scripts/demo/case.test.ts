import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  applyEdit,
  type CaseEdit,
  compareDiffs,
  computeExpectedDiff,
  isTestFile,
  readCase,
} from '../../../../scripts/demo/case.ts'
import { SAMPLE_FOLDER, sampleCase } from '../../../../scripts/demo/sample-case.ts'
import { type ForgeStandIn, startForge } from '../../../../scripts/stand-ins/forge/start-forge.ts'

let scratch: string
let forge: ForgeStandIn

beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'berth-test-'))
  forge = await startForge({ repositories: [{ fullName: sampleCase.repo, from: SAMPLE_FOLDER }] })
})

afterEach(async () => {
  await forge.close()
  await rm(scratch, { recursive: true, force: true })
})

const expectedDiff = (edits: CaseEdit[]) =>
  computeExpectedDiff({ directory: forge.directoryOf(sampleCase.repo), branch: 'main', edits })

test('the expected diff is that of the edits on the base, new files included', async () => {
  const diff = await expectedDiff([...sampleCase.edits, { kind: 'write', path: 'docs/new file.md', content: 'new\n' }])
  expect(diff).toContain('+  const rounded = Math.round(ms / SECOND) * SECOND\n')
  expect(diff).toContain('+++ b/docs/new file.md')
  expect(diff).toMatch(/^index [0-9a-f]{40}\.\.[0-9a-f]{40}/m)
})

test('two diffs are equal whatever the order of their files, and differences are named by file', async () => {
  const both = await expectedDiff([...sampleCase.edits, { kind: 'write', path: 'z z.md', content: 'new\n' }])
  const [first = '', second = ''] = both.split(/^(?=diff --git )/m)
  expect(compareDiffs(second + first, both).equal).toBe(true)
  expect(compareDiffs(first, both)).toEqual({
    equal: false,
    missing: [/z z/.test(first) ? 'src/format-duration.js' : 'z z.md'],
    unexpected: [],
    different: [],
  })
  const other = compareDiffs(both.replace('Rounded before', 'Rounded after'), both)
  expect(other).toEqual({ equal: false, missing: [], unexpected: [], different: ['src/format-duration.js'] })
  expect(compareDiffs(both, first).unexpected).toHaveLength(1)
})

test('an edit that fits no place, or several, is an error', () => {
  const edit = { kind: 'edit', path: 'a', old: 'x', new: 'y' } as const
  expect(applyEdit('a x b', edit)).toBe('a y b')
  expect(() => applyEdit('x x', edit)).toThrow('An edit of a fits 2 places; it must fit one.')
  expect(() => applyEdit('', edit)).toThrow('fits 0 places')
})

test('an edit is text, not a replacement pattern', () => {
  expect(applyEdit('x', { kind: 'edit', path: 'a', old: 'x', new: "$& $1 $'" })).toBe("$& $1 $'")
})

test('test files are told from sources', () => {
  const tests = ['test/res.send.js', 'tests/test_basic.py', 'src/a.test.ts', 'pkg/a_test.go', 'spec/a.rb']
  const sources = ['lib/response.js', 'src/click/decorators.py', 'src/latest.js', 'contest/a.c']
  expect(tests.filter((file) => !isTestFile(file))).toEqual([])
  expect(sources.filter(isTestFile)).toEqual([])
})

test('a file that is no case is refused with every wrong field', async () => {
  const file = path.join(scratch, 'case.json')
  await writeFile(file, JSON.stringify({ ...sampleCase, task: 1, edits: [] }))
  await expect(readCase(file)).rejects.toThrow(/is not a case:(?=.*→ at task)(?=.*→ at edits)/s)
  await writeFile(file, JSON.stringify(sampleCase))
  expect(await readCase(file)).toEqual(sampleCase)
})
