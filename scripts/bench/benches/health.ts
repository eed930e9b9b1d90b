/** GET /api/health as a probe asks it, with nothing else going on. */
import type { Rig } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import { probeHealth } from '../probe-health.ts'

const REQUESTS_EACH = 20
const WARM_UP = 20
const BETWEEN_MS = 10

export async function benchHealth(rig: Rig, repeat: number): Promise<Measurement[]> {
  const { clock } = rig.installation.parts
  const whileMs = repeat * REQUESTS_EACH * BETWEEN_MS
  const all = await probeHealth({ url: rig.installation.url, everyMs: BETWEEN_MS }, () =>
    clock.sleep(whileMs, rig.signal),
  )
  const samples = all.slice(WARM_UP)
  const goal = { statistic: 'p95', bound: 'under', value: 20 } as const
  return [{ name: 'health', what: '/api/health, idle', unit: 'ms', samples, goal }]
}
