import { expect, it } from 'vitest'
import { stepsPerSecond } from '../../../../scripts/bench/step-rate.ts'

/** Calls every `everyMs` from `fromMs` to `toMs`. */
function run(fromMs: number, toMs: number, everyMs: number) {
  const count = (toMs - fromMs) / everyMs + 1
  return Array.from({ length: count }, (_, index) => ({ arrivedAtMs: fromMs + index * everyMs, answeredAtMs: null }))
}

it('steps of all runs are counted while all are at work', () => {
  // Together from 500 to 1,000 ms: five steps of the first, ten of the second.
  expect(stepsPerSecond([run(0, 1_000, 100), run(500, 3_000, 50)])).toBe(30)
})

it('runs that were never at work at the same time have no rate', () => {
  expect(() => stepsPerSecond([run(0, 400, 100), run(400, 800, 100)])).toThrow('never at work at the same time')
  expect(() => stepsPerSecond([run(0, 400, 100), []])).toThrow('never at work at the same time')
})
