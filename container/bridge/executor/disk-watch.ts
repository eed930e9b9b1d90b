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
}

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
  for (;;) {
    const pauseMs = await measureOnce(watch, signal)
    await watch.clock.sleep(pauseMs, signal)
  }
}

/** Answers how long to pause. A runner that is away says nothing of the disk, and its wait is no work: the next is asked soon. */
async function measureOnce(watch: DiskWatch, signal: AbortSignal): Promise<number> {
  const beganMs = watch.clock.monotonicMs()
  try {
    const bytes = await measure(watch, signal)
    signal.throwIfAborted()
    if (bytes !== null) watch.onMeasured(bytes)
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error
    if (!signal.aborted) watch.logger.warn('The disk could not be measured this time.', { error })
    return SHORTEST_PAUSE_MS
  }
  return Math.max(SHORTEST_PAUSE_MS, (watch.clock.monotonicMs() - beganMs) * PAUSE_FACTOR)
}

/** Null when it could not be measured this time: files come and go meanwhile, which makes du complain and still answer. */
async function measure({ workspace, folders }: DiskWatch, signal: AbortSignal): Promise<number | null> {
  const argv = ['du', '--summarize', '--one-file-system', '--total', '--block-size=1', '--', ...folders]
  const { output, cancelled, timedOut } = await workspace.run(
    { command: { argv }, timeoutMs: TIMEOUT_MS, maxOutputChars: 8_000 },
    { signal },
  )
  if (cancelled || timedOut) return null
  const total = /^(\d+)\s+total$/m.exec(output)?.[1]
  return total === undefined ? null : Number(total)
}
