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
  /** Of notes closer together than this the last one is shown, when it is due. */
  noteEveryMs?: number
  /** Work that says nothing for so long is said to go on. */
  stillEveryMs?: number
  clock?: Clock
}

/** Lines, not a moving bar: they also read well in a log. */
export function createProgress(options: ProgressOptions): Progress {
  const { write, quietMs = 1_000, noteEveryMs = 2_000, stillEveryMs = 15_000, clock = systemClock } = options
  return {
    say: write,
    async step(label, work) {
      const began = clock.monotonicMs()
      const duration = () => describeDuration(clock.monotonicMs() - began)
      const ended = new AbortController()
      const after = (ms: number, act: () => void) =>
        void clock.sleep(ms, ended.signal).then(
          () => ended.signal.aborted || act(),
          () => undefined,
        )
      let announced = false
      let lastNoteMs = Number.NEGATIVE_INFINITY
      let lastLineMs = began
      let doing: string | null = null
      let waiting: string | null = null
      const put = (line: string) => {
        lastLineMs = clock.monotonicMs()
        write(line)
      }
      const announce = () => {
        if (!announced) put(`${label} ...`)
        announced = true
      }
      const show = (line: string) => {
        announce()
        waiting = null
        lastNoteMs = clock.monotonicMs()
        put(`  ${line}`)
      }
      const note = (line: string) => {
        doing = line.trim()
        const early = lastNoteMs + noteEveryMs - clock.monotonicMs()
        if (early <= 0) return show(line)
        if (waiting === null) after(early, () => waiting !== null && show(waiting))
        waiting = line
      }
      const sayStill = () => {
        if (clock.monotonicMs() - lastLineMs >= stillEveryMs) {
          put(`  ${label}: ${duration()} so far${doing === null ? '' : ` (${doing})`}`)
        }
        after(lastLineMs + stillEveryMs - clock.monotonicMs(), sayStill)
      }
      after(quietMs, announce)
      after(stillEveryMs, sayStill)
      try {
        const result = await work(note)
        if (announced) write(`${label}: done in ${duration()}`)
        return result
      } catch (error) {
        write(`${label}: failed after ${duration()}`)
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
