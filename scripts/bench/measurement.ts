/** What a bench measured, and the statistics of it. Pure. */

export type Statistic = 'p50' | 'p95' | 'p99'

export interface Goal {
  statistic: Statistic
  /** In the measurement's unit; ours must be under it. */
  value: number
}

export interface Measurement {
  /** For a program that reads the results: kebab-case, stable. */
  name: string
  /** For a person. */
  what: string
  unit: 'ms' | 'MB'
  samples: number[]
  /** Null: shown to explain another. */
  goal: Goal | null
}

export interface Summary {
  n: number
  p50: number
  p95: number
  p99: number
}

/** Nearest rank: always a value that was measured. Throws without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('There are no samples.')
  return value
}

export function summarise({ samples }: Pick<Measurement, 'samples'>): Summary {
  return {
    n: samples.length,
    p50: percentile(samples, 0.5),
    p95: percentile(samples, 0.95),
    p99: percentile(samples, 0.99),
  }
}

/** How many times the goal ours is: under 1 is better than it. Null without a goal. */
export function timesGoal(measurement: Measurement): number | null {
  const { goal } = measurement
  return goal === null ? null : summarise(measurement)[goal.statistic] / goal.value
}
