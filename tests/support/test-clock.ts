/** Time that a test holds in its hand. */
import type { Clock } from '../../lib/clock.ts'

export interface TestClock extends Clock {
  /** Every sleep that was asked for, in ms. */
  sleeps: number[]
  advance(ms: number): void
}

interface Sleeper {
  untilMs: number
  passes: boolean
  wake: () => void
}

/**
 * Sleeps up to `patienceMs` pass by themselves, in the order of their ends, once nothing else is to be done; longer ones
 * (time limits, watchdogs) last until time comes to their end.
 */
export function testClock(patienceMs = 60_000): TestClock {
  let nowMs = 0
  const waiting = new Set<Sleeper>()
  const sleeps: number[] = []
  const advance = (ms: number) => {
    nowMs += ms
    for (const sleeper of waiting) {
      if (sleeper.untilMs > nowMs) continue
      waiting.delete(sleeper)
      sleeper.wake()
    }
  }
  const passNext = () => {
    const [next] = [...waiting].filter((sleeper) => sleeper.passes).sort((a, b) => a.untilMs - b.untilMs)
    if (!next) return
    advance(Math.max(0, next.untilMs - nowMs))
    setImmediate(passNext)
  }
  return {
    sleeps,
    advance,
    now: () => new Date(1_700_000_000_000 + nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        sleeps.push(ms)
        const sleeper = { untilMs: nowMs + ms, passes: ms <= patienceMs, wake: resolve }
        waiting.add(sleeper)
        signal?.addEventListener('abort', () => waiting.delete(sleeper) && reject(signal.reason), { once: true })
        if (sleeper.passes) setImmediate(passNext)
      }),
  }
}
