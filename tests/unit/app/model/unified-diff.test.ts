import { expect, it } from 'vitest'
import { compareWords, type DiffLine, parseUnifiedDiff } from '../../../../app/model/unified-diff.ts'

const DIFF = `diff --git a/x.py b/x.py
--- a/x.py
+++ b/x.py
@@ -10,4 +10,5 @@ def f():
 before
-    return max(seconds, 0)
+    return max(seconds, 1)
 middle
+-- added
 after
\\ No newline at end of file
`
const textOf = (line: DiffLine) => line.parts.map((part) => part.text).join('')

it('numbers the lines of both sides', () => {
  expect(parseUnifiedDiff(DIFF).map((line) => [line.kind, line.oldNumber, line.newNumber, textOf(line)])).toEqual([
    ['hunk', null, null, '@@ -10,4 +10,5 @@ def f():'],
    ['context', 10, 10, 'before'],
    ['delete', 11, null, '    return max(seconds, 0)'],
    ['add', null, 11, '    return max(seconds, 1)'],
    ['context', 12, 12, 'middle'],
    ['add', null, 13, '-- added'],
    ['context', 13, 14, 'after'],
  ])
})

it('takes a deleted line that looks like a file header for what it is', () => {
  const lines = parseUnifiedDiff('@@ -1,2 +1 @@\n--- a/list\n keep\n')
  expect(lines.map((line) => [line.kind, textOf(line)])).toEqual([
    ['hunk', '@@ -1,2 +1 @@'],
    ['delete', '-- a/list'],
    ['context', 'keep'],
  ])
})

it('marks the words that differ within a pair of lines', () => {
  const [, , deleted, added] = parseUnifiedDiff(DIFF)
  expect(deleted?.parts.filter((part) => part.changed)).toEqual([{ text: '0', changed: true }])
  expect(added?.parts.filter((part) => part.changed)).toEqual([{ text: '1', changed: true }])
})

it('marks nothing in lines that have little in common', () => {
  expect(compareWords('import fs from "fs"', 'const answer = 42')).toBeNull()
})

it('gives no lines for a text without hunks', () => {
  expect(parseUnifiedDiff('Binary files differ\n')).toEqual([])
})
