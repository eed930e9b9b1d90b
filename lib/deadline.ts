/** Nothing is waited for without an end: a wait that is given up by its signal, and one that is late. */
import type { Clock } from './clock.ts'
import { type BerthError, isBerthError } from './errors.ts'

export interface Deadline {
  clock: Clock
  ms: number
  /** Of the wish that makes the work needless; its reason is thrown before `late`. */
  signal: AbortSignal
  late: BerthError
}

/** Runs `work` with a signal that aborts after `ms`, with `late` as its reason. What the work itself says of being late comes first. */
export async function withinDeadline<T>(
  { clock, ms, signal, late }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController()
  const ended = new AbortController()
  clock.sleep(ms, ended.signal).then(
    () => over.abort(late),
    () => undefined,
  )
  try {
    return await work(AbortSignal.any([signal, over.signal]))
  } catch (error) {
    if (!over.signal.aborted || signal.aborted || isBerthError(error)) throw error
    throw late
  } finally {
    ended.abort(new Error('the work has ended'))
  }
}

/** What is waited for, or the signal's reason as soon as it aborts; for work that knows of no signal. */
export async function orAborted<T>(waiting: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([waiting, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
