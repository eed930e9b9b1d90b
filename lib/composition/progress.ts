/** What a person is told while something takes long: what it is, how it goes on, how long it took. Short work says nothing. */
import { type Clock, systemClock } from '../clock.ts'

export interface Progress {
  /** Runs `work`; `note` tells how it goes on. */
  step<T>(label: string, work: (note: (line: string) => void) => Promise<T>): Promise<T>
  say(line: string): void
}

export interface ProgressOptions {
  write: (line: string) => void
  /** Work that is done before this is not spoken of. */
  quietMs?: number
  /** Notes closer together than this are left out, but for the first. */
  noteEveryMs?: number
  clock?: Clock
}

/** Lines, not a moving bar: they also read well in a log. */
export function createProgress(options: ProgressOptions): Progress {
  const { write, quietMs = 1_000, noteEveryMs = 2_000, clock = systemClock } = options
  return {
    say: write,
    async step(label, work) {
      const began = clock.monotonicMs()
      const ended = new AbortController()
      let announced = false
      let lastNote = Number.NEGATIVE_INFINITY
      const announce = () => {
        if (!announced) write(`${label} ...`)
        announced = true
      }
      clock.sleep(quietMs, ended.signal).then(announce, () => undefined)
      const note = (line: string) => {
        const now = clock.monotonicMs()
        if (now - lastNote < noteEveryMs) return
        lastNote = now
        announce()
        write(`  ${line}`)
      }
      try {
        const result = await work(note)
        if (announced) write(`${label}: done in ${describeDuration(clock.monotonicMs() - began)}`)
        return result
      } catch (error) {
        write(`${label}: failed after ${describeDuration(clock.monotonicMs() - began)}`)
        throw error
      } finally {
        ended.abort()
      }
    },
  }
}

/** `0.3 s`, `41 s` or `2 min 5 s`. */
export function describeDuration(milliseconds: number): string {
  const seconds = milliseconds / 1_000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}
