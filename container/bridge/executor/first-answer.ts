/**
 * How long a provider may take to begin the first answer of a run, whatever the number of tries. Its own time counts and what is
 * waited between the tries, not that in which there is no tunnel. Must not know: the wire, what is asked.
 */
import type { Clock } from '../../../lib/clock.ts'
import { FIRST_ANSWER_MS, GATEWAY_MARGIN_MS, SHORTEST_TRY_MS } from './defaults.ts'

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

  /** False when a wait of `ms` would leave no time in which another try is worth its price. */
  hasRoomFor(ms: number): boolean {
    return this.#hasBegun || this.#leftMs - ms >= SHORTEST_TRY_MS
  }

  /** Waits between two tries; a wait that is cut short counts for as long as it was. Throws the signal's reason. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const end = this.#measure()
    try {
      await this.#clock.sleep(ms, signal)
    } finally {
      end()
    }
  }

  /**
   * The request has left. Calls `onLate` unless `end` is called in time: by the first byte of an answer, or the end of the try. A
   * little late, so that the gateway comes first, which waits as long for one try and knows what it has cost: one that is ended
   * from here before its head, for others took of its time, is held against the run in full.
   */
  watch(onLate: () => void): { end(): void } {
    if (this.#hasBegun) return { end: () => {} }
    const ended = new AbortController()
    const stopMeasuring = this.#measure()
    this.#clock
      .sleep(Math.max(SHORTEST_TRY_MS, this.#leftMs) + GATEWAY_MARGIN_MS, ended.signal)
      .then(onLate, () => undefined)
    const end = () => {
      if (ended.signal.aborted) return
      ended.abort()
      stopMeasuring()
    }
    return { end }
  }

  #measure(): () => void {
    const beganMs = this.#clock.monotonicMs()
    return () => {
      this.#leftMs -= this.#clock.monotonicMs() - beganMs
    }
  }
}
