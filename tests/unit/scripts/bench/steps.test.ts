import { expect, it } from 'vitest'
import { overheadsAround } from '../../../../scripts/bench/benches/steps.ts'

/** Call n arrives at 100 n and is answered 40 later; what follows is the step's overhead. */
const calls = Array.from({ length: 30 }, (_, index) => ({
  arrivedAtMs: 100 * (index + 1),
  answeredAtMs: 100 * (index + 1) + 40,
}))

it('the overhead of a step is from the end of an answer to the next call', () => {
  const overheads = overheadsAround(calls, 10)
  expect(overheads).toEqual(Array.from({ length: 11 }, () => 60))
})

it('a step that was not played is no sample', () => {
  expect(() => overheadsAround(calls, 100)).toThrow('Step 95 was not played.')
})
