/** What a step costs beside the model: from the last byte of one answer to the next request, early and late in a run. */
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import type { CallTiming } from '../stand-ins.ts'

const STEPS = [10, 100, 500]
/** Steps on each side of one that are counted with it. */
const AROUND = 5
const KINDS = [
  { kind: 'read', tool: 'read_file', goalMs: 8 },
  { kind: 'command', tool: 'run_command `true`', goalMs: 15 },
] as const

export async function benchSteps(rig: Rig, repeat: number): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const { kind, tool, goalMs } of KINDS) {
    const runs: CallTiming[][] = []
    for (let count = 0; count < repeat; count += 1) runs.push(await playSteps(rig, kind))
    for (const step of STEPS) {
      measurements.push({
        name: `step-${kind}-${step}`,
        what: `overhead of step ${step}, ${tool}`,
        unit: 'ms',
        samples: runs.flatMap((calls) => overheadsAround(calls, step)),
        goal: { statistic: 'p50', bound: 'under', value: goalMs },
      })
    }
  }
  return measurements
}

/** The calls of one run. Nobody reads the agent's stream meanwhile. */
async function playSteps(rig: Rig, kind: 'read' | 'command'): Promise<CallTiming[]> {
  const steps = Math.max(...STEPS) + AROUND + 1
  return withAgent(rig, { play: { kind, steps }, watched: false }, async (agent) => {
    await agent.start()
    await agent.untilReady()
    const calls = await agent.calls()
    if (calls.length !== steps + 1)
      throw new Error(`${steps} steps were to be played; the model was called ${calls.length} times.`)
    return calls
  })
}

/** Step n is between call n and call n + 1, counted from 1. */
export function overheadsAround(calls: readonly CallTiming[], step: number): number[] {
  const overheads: number[] = []
  for (let n = step - AROUND; n <= step + AROUND; n += 1) {
    const answeredAtMs = calls[n - 1]?.answeredAtMs ?? null
    const next = calls[n]
    if (answeredAtMs === null || next === undefined) throw new Error(`Step ${n} was not played.`)
    overheads.push(next.arrivedAtMs - answeredAtMs)
  }
  return overheads
}
