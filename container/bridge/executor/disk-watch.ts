/**
 * What the agent's files take on the disk, measured while a run lasts: an engine's ordinary storage has no quota. Owns: how often,
 * and that measuring itself costs little. Must not know: what is near a limit (limits.ts).
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import { type Workspace, WorkspaceError } from '../workspace-port.ts'

const SHORTEST_PAUSE_MS = 5_000
/** Measuring takes a twentieth of the time at most, however many files there are. */
const PAUSE_FACTOR = 20
const TIMEOUT_MS = 60_000
/** After a measurement that took too long: it says nothing, and the next one finds much of it in the kernel's cache. */
const LATE_PAUSE_MS = 5 * TIMEOUT_MS

export interface DiskWatch {
  workspace: Workspace
  /** Absolute; counted together, links and other file systems left out. */
  folders: readonly string[]
  clock: Clock
  logger: Logger
  /** Of the run: what is measured as it ends is given up with its commands. */
  signal: AbortSignal
  /** Bytes on the disk, after each measurement. */
  onMeasured(bytes: number): void
  /** Once, the first time that no size could be had; `why` is a sentence. */
  onUnmeasured(why: string): void
}

/** Of one measurement: the bytes, or why there are none, or neither where it was given up. */
type Measurement = { bytes: number } | { why: string; isLate: boolean } | null

/** Measures at once and again and again, until it is told to stop. */
export function watchDisk(watch: DiskWatch): () => void {
  const ended = new AbortController()
  const signal = AbortSignal.any([watch.signal, ended.signal])
  measureOften(watch, signal).catch((error: unknown) => {
    if (!signal.aborted) watch.logger.warn('The disk is no longer measured.', { error })
  })
  return () => ended.abort(new Error('the run has ended'))
}

async function measureOften(watch: DiskWatch, signal: AbortSignal): Promise<void> {
  let isTold = false
  const onUnmeasured = (why: string) => {
    if (!isTold) watch.onUnmeasured(why)
    isTold = true
  }
  for (;;) {
    const pauseMs = await measureOnce({ ...watch, onUnmeasured }, signal)
    await watch.clock.sleep(pauseMs, signal)
  }
}

/** Answers how long to pause. A runner that is away says nothing of the disk, and its wait is no work: the next is asked soon. */
async function measureOnce(watch: DiskWatch, signal: AbortSignal): Promise<number> {
  const beganMs = watch.clock.monotonicMs()
  try {
    const measured = await measure(watch, signal)
    signal.throwIfAborted()
    if (measured !== null && 'bytes' in measured) watch.onMeasured(measured.bytes)
    else if (measured !== null) {
      watch.onUnmeasured(measured.why)
      if (measured.isLate) return LATE_PAUSE_MS
    }
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error
    if (!signal.aborted) watch.logger.warn('The disk could not be measured this time.', { error })
    return SHORTEST_PAUSE_MS
  }
  return Math.max(SHORTEST_PAUSE_MS, (watch.clock.monotonicMs() - beganMs) * PAUSE_FACTOR)
}

/** Files come and go meanwhile, which makes du complain and still answer. */
async function measure({ workspace, folders }: DiskWatch, signal: AbortSignal): Promise<Measurement> {
  const argv = ['du', '--summarize', '--one-file-system', '--total', '--block-size=1', '--', ...folders]
  const { output, cancelled, timedOut } = await workspace.run(
    { command: { argv }, timeoutMs: TIMEOUT_MS, maxOutputChars: 8_000 },
    { signal },
  )
  if (cancelled) return null
  if (timedOut) return { why: `Counting them took longer than ${TIMEOUT_MS / 1_000} s.`, isLate: true }
  const total = /^(\d+)\s+total$/m.exec(output)?.[1]
  if (total !== undefined) return { bytes: Number(total) }
  const words = output.trim().slice(0, 200)
  return { why: words === '' ? 'du said nothing.' : `du said "${words}".`, isLate: false }
}
