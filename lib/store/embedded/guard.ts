/**
 * Keeps the embedded server up while its control plane lives: one that was killed, for want of memory say, is started again at the
 * same address, so that clients find it by connecting again. Owns: noticing, and trying until it succeeds.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isServerOf, readPostmaster } from './postmaster.ts'

const LOOK_EVERY_MS = 250
const LONGEST_PAUSE_MS = 10_000

export interface Guarded {
  cluster: string
  /** Starts it at the address that it had. Rejects when that does not succeed. */
  restart(): Promise<void>
  /** Told of each end, and of each attempt that failed. */
  onTrouble(words: string, error?: unknown): void
}

/** Looks from now on. What it answers ends that, and resolves when nothing is being started any more. */
export function guardServer(guarded: Guarded): () => Promise<void> {
  const ending = new AbortController()
  const watching = watch(guarded, ending.signal).catch((error: unknown) => {
    if (!ending.signal.aborted) guarded.onTrouble('The embedded database is no longer watched.', error)
  })
  return async () => {
    ending.abort(new Error('the server is being stopped'))
    await watching
  }
}

async function watch(guarded: Guarded, signal: AbortSignal): Promise<void> {
  let failures = 0
  for (;;) {
    await sleep(failures === 0 ? LOOK_EVERY_MS : pause(failures), undefined, { signal, ref: false })
    const postmaster = await readPostmaster(guarded.cluster)
    if (postmaster !== null && (await isServerOf(guarded.cluster, postmaster.pid))) continue
    signal.throwIfAborted()
    if (failures === 0) guarded.onTrouble('The embedded database has ended; it is started again.')
    try {
      await guarded.restart()
      failures = 0
    } catch (error) {
      failures += 1
      guarded.onTrouble('The embedded database could not be started again; it is tried once more.', error)
    }
  }
}

function pause(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures)
}
