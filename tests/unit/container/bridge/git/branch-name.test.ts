import { expect, it } from 'vitest'
import { isBranchName } from '../../../../../container/bridge/git/branch-name.ts'

it.each(['main', 'berth/fix-a-bug-x1', 'feature/ünïcode', 'a.b', 'v1.0@x'])('takes %s', (name) => {
  expect(isBranchName(name)).toBe(true)
})

it.each([
  '',
  '-x',
  '--upload-pack=x',
  'a..b',
  'a//b',
  '/a',
  'a/',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[b',
  'a\\b',
  'a\nb',
  'a\u007fb',
  '.a',
  'a/.b',
  'a.lock',
  'a.lock/b',
  'a.',
  '@',
  'a@{1}',
])('refuses "%s"', (name) => {
  expect(isBranchName(name)).toBe(false)
})
