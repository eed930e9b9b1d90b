/**
 * How long a provider may take to begin the first answer of a run, whatever the number of tries. Its own time counts and what is
 * waited between the tries, not that in which the tunnel is down. Must not know: the wire, what is asked.
 */
import type { Clock } from '../../../lib/clock.ts'
import { FIRST_ANSWER_MS, STALL_MS } from './defaults.ts'

export class FirstAnswer {
  readonly #clock: Clock
  #leftMs = FIRST_ANSWER_MS
  #hasBegun = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something of an answer came, if only of one that broke off: from now on the provider is held to be there. */
  begin(): void {
    this.#hasBegun = true
  }

  /** False when so long a wait before the next try takes all that is left. */
  spend(ms: number): boolean {
    if (this.#hasBegun) return true
    this.#leftMs -= ms
    return this.#leftMs > 0
  }

  /** The request has left. Calls `onLate` after what this try may take; the answer ends that with its head. */
  watch(onLate: (waitedMs: number) => void): { end(): void } {
    if (this.#hasBegun) return { end: () => {} }
    const ended = new AbortController()
    const sentMs = this.#clock.monotonicMs()
    const allowedMs = Math.min(STALL_MS, this.#leftMs)
    this.#clock.sleep(allowedMs, ended.signal).then(
      () => onLate(allowedMs),
      () => undefined,
    )
    const end = () => {
      if (ended.signal.aborted) return
      ended.abort()
      this.spend(this.#clock.monotonicMs() - sentMs)
    }
    return { end }
  }
}
