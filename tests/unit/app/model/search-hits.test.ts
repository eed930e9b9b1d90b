import { expect, it } from 'vitest'
import { markMatches, parseHits, readPattern } from '../../../../app/model/search-hits.ts'

it('reads hits by file, without the heading', () => {
  const output = '3 matches.\n\nsrc/a.py\n   211: x = retry(1)\n     9: y\n\ntest/b.py\n     1: 2: z'
  expect(parseHits(output)).toEqual([
    {
      file: 'src/a.py',
      hits: [
        { line: 211, text: 'x = retry(1)' },
        { line: 9, text: 'y' },
      ],
    },
    { file: 'test/b.py', hits: [{ line: 1, text: '2: z' }] },
  ])
  expect(parseHits('No line in the workspace matches.')).toEqual([])
})

it('marks what the pattern matches, and nothing where the browser cannot read it', () => {
  const marked = markMatches('a retry and a Retry', readPattern({ pattern: 'retry', ignore_case: true }))
  expect(marked.filter((part) => part.isMatch).map((part) => part.text)).toEqual(['retry', 'Retry'])
  expect(readPattern({ pattern: '[z-a]' })).toBeNull()
  expect(markMatches('f(x)', readPattern({ pattern: 'f(x)', literal: true }))).toEqual([
    { text: 'f(x)', isMatch: true },
  ])
})

it('never runs a pattern of the model that could stand still for ever', () => {
  expect(['(a+)+$', 'a{9}', '(a|a)b', 'x*'].map((pattern) => readPattern({ pattern }))).toEqual([
    null,
    null,
    null,
    null,
  ])
  expect(readPattern({ pattern: '3\\.9|py39|sys.version_info' })).not.toBeNull()
})
