/**
 * Ends processes that may multiply while they are ended. Owns: the order of signals and how long each has. Must not know: how
 * the processes are found.
 */
import type { Clock } from './clock.ts'

export interface EndProcesses<T extends { pid: number }> {
  /** Those that are alive now; asked again and again. */
  find(): T[]
  signal(processes: T[], signal: NodeJS.Signals): void
  /** Between TERM and KILL; 0 does without TERM. */
  graceMs: number
  clock: Clock
}

/** Most are gone at once; who takes longer is asked less often. */
const FIRST_POLL_MS = 1
const POLL_MS = 20
const MAX_FREEZE_ROUNDS = 50
/** After KILL: a process in uninterruptible sleep cannot be waited for for ever. */
const KILL_WAIT_MS = 2_000

/** TERM to all; what is left after `graceMs` is stopped and killed, again for what it started meanwhile. */
export async function endProcesses<T extends { pid: number }>(options: EndProcesses<T>): Promise<void> {
  const { find, signal, graceMs, clock } = options
  const waitUntilGone = async (ms: number, again: (left: T[]) => void): Promise<boolean> => {
    const deadline = clock.monotonicMs() + ms
    for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(POLL_MS, pauseMs * 2)) {
      const left = find()
      if (left.length === 0) return true
      again(left)
      if (clock.monotonicMs() >= deadline) return false
      await clock.sleep(pauseMs)
    }
  }

  const first = find()
  if (first.length === 0) return
  if (graceMs > 0) {
    // A stopped process takes TERM only once it goes on.
    for (const name of ['SIGTERM', 'SIGCONT'] as const) signal(first, name)
    if (await waitUntilGone(graceMs, () => {})) return
  }
  freeze(options)
  await waitUntilGone(KILL_WAIT_MS, (left) => signal(left, 'SIGKILL'))
}

/** Stops them until no new ones turn up: one that multiplies would fill the places of those killed before it. */
function freeze<T extends { pid: number }>({ find, signal }: Pick<EndProcesses<T>, 'find' | 'signal'>): void {
  const stopped = new Set<number>()
  for (let round = 0; round < MAX_FREEZE_ROUNDS; round += 1) {
    const running = find().filter(({ pid }) => !stopped.has(pid))
    if (running.length === 0) return
    signal(running, 'SIGSTOP')
    for (const { pid } of running) stopped.add(pid)
  }
}
