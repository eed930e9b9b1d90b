/** GET /api/health as a probe asks it: without signing in, from outside the process that answers. Owns: the thread. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface HealthProbe {
  /** The control plane's, without a path. */
  url: string
  /** Between an answer and the next question. */
  everyMs: number
}

/** How long each answer took, in ms, while `work` lasts; one that is under way then is waited for. */
export async function probeHealth(workerData: HealthProbe, work: () => Promise<void>): Promise<number[]> {
  const worker = new Worker(new URL('./probe-health-thread.ts', import.meta.url), { workerData })
  try {
    // An error in the thread rejects these, too.
    await once(worker, 'online')
    const answered = once(worker, 'message') as Promise<[number[]]>
    await Promise.race([work(), answered])
    worker.postMessage('stop')
    const [samples] = await answered
    return samples
  } finally {
    await worker.terminate()
  }
}
