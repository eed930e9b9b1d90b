/** GET /api/health as a probe asks it, with nothing else going on. */

import { machineMs } from '../../machine-ms.ts'
import type { Rig } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'

const REQUESTS_EACH = 20
const WARM_UP = 20
const BETWEEN_MS = 10

export async function benchHealth({ installation, signal }: Rig, repeat: number): Promise<Measurement[]> {
  const samples: number[] = []
  for (let count = -WARM_UP; count < repeat * REQUESTS_EACH; count += 1) {
    const sentAtMs = machineMs()
    const response = await fetch(`${installation.url}/api/health`, { signal })
    await response.text()
    if (count >= 0) samples.push(machineMs() - sentAtMs)
    await installation.parts.clock.sleep(BETWEEN_MS, signal)
  }
  return [{ name: 'health', what: '/api/health, idle', unit: 'ms', samples, goal: { statistic: 'p95', value: 20 } }]
}
