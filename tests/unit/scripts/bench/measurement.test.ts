import { expect, it } from 'vitest'
import { percentile, summarise, timesGoal } from '../../../../scripts/bench/measurement.ts'

const samples = Array.from({ length: 20 }, (_, index) => 20 - index)

it('a percentile is a value that was measured, whatever the order', () => {
  expect(percentile(samples, 0.5)).toBe(10)
  expect(percentile(samples, 0.95)).toBe(19)
  expect(percentile(samples, 0.99)).toBe(20)
  expect(percentile([7], 0.5)).toBe(7)
})

it('there is no percentile of nothing', () => {
  expect(() => percentile([], 0.5)).toThrow('There are no samples.')
})

it('a summary says how many samples it is of', () => {
  expect(summarise({ samples })).toEqual({ n: 20, p50: 10, p95: 19, p99: 20 })
})

it('the goal is held against its own statistic', () => {
  const measurement = { name: 'x', what: 'x', unit: 'ms', samples } as const
  expect(timesGoal({ ...measurement, goal: { statistic: 'p50', bound: 'under', value: 5 } })).toBe(2)
  expect(timesGoal({ ...measurement, goal: { statistic: 'p99', bound: 'under', value: 40 } })).toBe(0.5)
  expect(timesGoal({ ...measurement, goal: null })).toBeNull()
})

it('under 1 is better than the goal also where more is better', () => {
  const measurement = { name: 'x', what: 'x', unit: 'steps/s', samples } as const
  expect(timesGoal({ ...measurement, goal: { statistic: 'p50', bound: 'over', value: 5 } })).toBe(0.5)
  expect(timesGoal({ ...measurement, goal: { statistic: 'p50', bound: 'over', value: 20 } })).toBe(2)
})
