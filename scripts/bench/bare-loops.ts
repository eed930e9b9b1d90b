/**
 * The AI SDK's own tool loop on the scripted model, several at once in one thread, and nothing else: no log, no limits, no
 * sandbox. What agents do beside it is held against it. Owns: the thread.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface BareLoops {
  /** e.g. "http://127.0.0.1:41234/api/v1" */
  modelUrl: string
  modelKey: string
  modelId: string
  /** Where the files that are read lie. */
  directory: string
  /** One loop for each. */
  tasks: string[]
}

/** Resolves when each has had its last answer. */
export async function playBareLoops(workerData: BareLoops, signal: AbortSignal): Promise<void> {
  const worker = new Worker(new URL('./bare-loops-thread.ts', import.meta.url), { workerData })
  try {
    // An error in the thread rejects this, too.
    await once(worker, 'exit', { signal })
  } finally {
    await worker.terminate()
  }
}
