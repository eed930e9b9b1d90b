/** How many steps several runs take together. Pure. */
import type { CallTiming } from './stand-ins.ts'

/**
 * Calls of the model a second, counted while all of the runs are at work: from the moment when the last of them has begun to
 * the moment when the first of them has nothing more to ask. Throws when there is no such time.
 */
export function stepsPerSecond(runs: readonly (readonly CallTiming[])[]): number {
  const arrivals = runs.map((calls) => calls.map(({ arrivedAtMs }) => arrivedAtMs))
  const from = Math.max(...arrivals.map((times) => times[0] ?? Number.POSITIVE_INFINITY))
  const to = Math.min(...arrivals.map((times) => times.at(-1) ?? Number.NEGATIVE_INFINITY))
  if (to <= from) throw new Error('The runs were never at work at the same time: give them more steps.')
  const steps = arrivals.flat().filter((time) => time > from && time <= to).length
  return steps / ((to - from) / 1_000)
}
