import { expect, it } from 'vitest'
import { createRefusalLog } from '../../../../../container/bridge/proxy/refusal-log.ts'

it('tells each refusal once, and only those that are new', () => {
  const log = createRefusalLog()
  log.record('a.example:443', 'old')
  const before = log.count()
  expect(log.since(before)).toEqual([])
  for (let index = 0; index < 500; index += 1) log.record('b.example:443', 'not on the list')
  expect(log.since(before)).toEqual(['b.example:443 was refused: not on the list'])
})

it('tells five and how many more', () => {
  const log = createRefusalLog()
  for (let index = 0; index < 8; index += 1) log.record(`${index}.example:443`, 'no')
  expect(log.since(0)).toHaveLength(6)
  expect(log.since(0).at(-1)).toBe('3 more addresses were refused.')
})
