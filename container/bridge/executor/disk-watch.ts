/**
 * What the agent's files take on the disk, measured while a run lasts: an engine's ordinary storage has no quota. Owns: how often,
 * and that measuring itself costs little. Must not know: what is near a limit (limits.ts).
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import type { Workspace } from '../workspace-port.ts'

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
  /** Bytes on the disk, after each measurement. */
  onMeasured(bytes: number): void
}

/** Measures at once and again and again, until it is told to stop. */
export function watchDisk(watch: DiskWatch): () => void {
  const ended = new AbortController()
  measureOften(watch, ended.signal).catch((error: unknown) => {
    if (!ended.signal.aborted) watch.logger.warn('The disk is no longer measured.', { error })
  })
  return () => ended.abort(new Error('the run has ended'))
}

async function measureOften(watch: DiskWatch, signal: AbortSignal): Promise<void> {
  for (;;) {
    const beganMs = watch.clock.monotonicMs()
    const bytes = await measure(watch, signal)
    signal.throwIfAborted()
    if (bytes !== null) watch.onMeasured(bytes)
    const tookMs = watch.clock.monotonicMs() - beganMs
    await watch.clock.sleep(Math.max(SHORTEST_PAUSE_MS, tookMs * PAUSE_FACTOR), signal)
  }
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
