/** What a bench measured, and the statistics of it. Pure. */

export type Statistic = 'p50' | 'p95' | 'p99'

export interface Goal {
  statistic: Statistic
  /** On which side of the value ours must be. */
  bound: 'under' | 'over'
  /** In the measurement's unit. */
  value: number
}

export interface Measurement {
  /** For a program that reads the results: kebab-case, stable. */
  name: string
  /** For a person. */
  what: string
  unit: 'ms' | 'MB' | '%' | 'steps/s' | 'events/s'
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

/** How many times the goal ours is, or the goal ours where more is better: under 1 is better than it. Null without a goal. */
export function timesGoal(measurement: Measurement): number | null {
  const { goal } = measurement
  if (goal === null) return null
  const ours = summarise(measurement)[goal.statistic]
  return goal.bound === 'under' ? ours / goal.value : goal.value / ours
}
