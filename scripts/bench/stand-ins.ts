/**
 * The forge and the model of a bench, in a thread of their own: what they do must not take the time of the control plane
 * that is measured. Owns: starting them, and asking when the model was called. Must not know: what is measured.
 */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'

/** One call of the model, by the machine's clock. */
export interface CallTiming {
  arrivedAtMs: number
  answeredAtMs: number | null
}

export interface Started {
  forgeUrl: string
  forgeApiUrl: string
  modelUrl: string
}

export interface StandIns extends Started {
  /** What the model answers to. */
  modelKey: string
  modelId: string
  /** The calls made for one task (the first words of the person), in order. Throws what the script did not foresee. */
  calls(task: string): Promise<CallTiming[]>
  close(): Promise<void>
}

export interface StandInsOptions {
  /** Where the forge keeps its repositories. */
  directory: string
  repository: { fullName: string; from: string }
  forgeToken: string
  modelKey: string
  /** One that the model knows. */
  modelId: string
}

export type StandInsRequest = { id: number; ask: 'calls'; task: string } | { id: number; ask: 'close' }
export type StandInsAnswer =
  | { kind: 'started'; started: Started }
  | { kind: 'answer'; id: number; calls: CallTiming[]; unscripted: string[] }

export async function startStandIns(options: Omit<StandInsOptions, 'directory'>): Promise<StandIns> {
  const directory = await mkdtemp(path.join(tmpdir(), 'berth-bench-'))
  const workerData: StandInsOptions = { ...options, directory }
  const worker = new Worker(new URL('./stand-ins-thread.ts', import.meta.url), { workerData })
  const end = async () => {
    await worker.terminate()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const [message] = (await once(worker, 'message')) as [StandInsAnswer]
    if (message.kind !== 'started') throw new Error('The stand-ins answered before they were started.')
    const { modelKey, modelId } = options
    return { ...openStandIns({ worker, started: message.started, end }), modelKey, modelId }
  } catch (error) {
    await end()
    throw error
  }
}

function openStandIns(input: {
  worker: Worker
  started: Started
  end(): Promise<void>
}): Omit<StandIns, 'modelKey' | 'modelId'> {
  const { worker, started, end } = input
  const asked = new Map<number, PromiseWithResolvers<Extract<StandInsAnswer, { kind: 'answer' }>>>()
  let lastId = 0
  worker.on('message', (message: StandInsAnswer) => {
    if (message.kind !== 'answer') return
    asked.get(message.id)?.resolve(message)
    asked.delete(message.id)
  })
  worker.on('error', (error) => {
    for (const waiting of asked.values()) waiting.reject(error)
    asked.clear()
  })
  const ask = (request: { ask: 'calls'; task: string } | { ask: 'close' }) => {
    lastId += 1
    const waiting = Promise.withResolvers<Extract<StandInsAnswer, { kind: 'answer' }>>()
    asked.set(lastId, waiting)
    worker.postMessage({ ...request, id: lastId } satisfies StandInsRequest)
    return waiting.promise
  }
  return {
    ...started,
    async calls(task) {
      const { calls, unscripted } = await ask({ ask: 'calls', task })
      if (unscripted.length > 0) throw new Error(`The scripted model was asked what it does not know: ${unscripted[0]}`)
      return calls
    },
    async close() {
      try {
        await ask({ ask: 'close' })
      } finally {
        await end()
      }
    },
  }
}
