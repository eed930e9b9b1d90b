import { expect, test } from 'vitest'
import { readArguments } from '../../../../scripts/demo/arguments.ts'

const nothing = { repository: null, caseFile: null, task: null, keepOpen: false, help: false }

test('without options it is the sample; with them a case, or a task for the real model', () => {
  expect(readArguments([], false)).toEqual(nothing)
  expect(readArguments(['--repo', 'a.bundle', '--case', 'a.json', '--keep-open'], false)).toEqual({
    ...nothing,
    repository: 'a.bundle',
    caseFile: 'a.json',
    keepOpen: true,
  })
  expect(readArguments(['--repo', '.', '--task', 'Fix it'], true)).toMatchObject({ repository: '.', task: 'Fix it' })
})

test('what does not go together is refused in words', () => {
  expect(() => readArguments(['--case', 'a.json'], false)).toThrow('--case needs the repository')
  expect(() => readArguments(['--repo', 'a'], true)).toThrow('--repo needs --case')
  expect(() => readArguments(['--repo', 'a', '--task', 'x'], false)).toThrow('set OPENROUTER_API_KEY')
  expect(() => readArguments(['--repo', 'a', '--case', 'b', '--task', 'x'], true)).toThrow('leave out --task')
  expect(() => readArguments(['--wrong'], false)).toThrow("Unknown option '--wrong'")
})
