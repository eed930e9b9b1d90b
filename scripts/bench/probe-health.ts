/** GET /api/health as a probe asks it: without signing in, again and again. */
import { machineMs } from '../machine-ms.ts'
import type { Rig } from './bench-agent.ts'

/** How long each answer took, in ms, until the signal aborts; one that is under way then is waited for. */
export async function askHealth(rig: Rig, options: { everyMs: number; until: AbortSignal }): Promise<number[]> {
  const samples: number[] = []
  while (!options.until.aborted) {
    samples.push(await timeHealth(rig))
    await rig.installation.parts.clock.sleep(options.everyMs, rig.signal)
  }
  return samples
}

export async function timeHealth({ installation, signal }: Rig): Promise<number> {
  const sentAtMs = machineMs()
  const response = await fetch(`${installation.url}/api/health`, { signal })
  await response.text()
  return machineMs() - sentAtMs
}
