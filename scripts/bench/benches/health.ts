/** GET /api/health as a probe asks it, with nothing else going on. */
import type { Rig } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import { timeHealth } from '../probe-health.ts'

const REQUESTS_EACH = 20
const WARM_UP = 20
const BETWEEN_MS = 10

export async function benchHealth(rig: Rig, repeat: number): Promise<Measurement[]> {
  const samples: number[] = []
  for (let count = -WARM_UP; count < repeat * REQUESTS_EACH; count += 1) {
    const ms = await timeHealth(rig)
    if (count >= 0) samples.push(ms)
    await rig.installation.parts.clock.sleep(BETWEEN_MS, rig.signal)
  }
  const goal = { statistic: 'p95', bound: 'under', value: 20 } as const
  return [{ name: 'health', what: '/api/health, idle', unit: 'ms', samples, goal }]
}
