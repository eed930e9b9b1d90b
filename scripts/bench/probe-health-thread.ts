/** The thread of probe-health.ts. */
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { machineMs } from '../machine-ms.ts'
import type { HealthProbe } from './probe-health.ts'

if (parentPort === null) throw new Error('This is the thread of probe-health.ts.')

const { url, everyMs } = workerData as HealthProbe
const ending = new AbortController()
once(parentPort, 'message').then(() => ending.abort())

const samples: number[] = []
while (!ending.signal.aborted) {
  const sentAtMs = machineMs()
  const response = await fetch(`${url}/api/health`)
  await response.text()
  samples.push(machineMs() - sentAtMs)
  await setTimeout(everyMs, undefined, { signal: ending.signal }).catch(() => undefined)
}
parentPort.postMessage(samples)
