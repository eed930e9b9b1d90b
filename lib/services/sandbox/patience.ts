/**
 * How long a bridge may keep what it has to itself. Only its own time counts, not that in which the log is written or the database
 * is away: that says nothing of the sandbox. Whoever goes on sending has all the time it needs. Must not know: what is read.
 */
import type { Clock } from '../../clock.ts'

const LOOK_EVERY_MS = 1_000

export class Patience {
  readonly #clock: Pick<Clock, 'sleep'>
  /** What is under way and not the bridge's. */
  #others = 0
  #renewals = 0

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock
  }

  /** While `work` lasts nobody waits for the bridge. */
  async notNow<T>(work: Promise<T>): Promise<T> {
    this.#others += 1
    try {
      return await work
    } finally {
      this.#others -= 1
    }
  }

  /** The bridge has sent something of what is waited for. */
  renew(): void {
    this.#renewals += 1
  }

  /** What is waited for, or `late` once the bridge has taken `ms` of its own without a renewal. */
  async within<T>(ms: number, waiting: Promise<T>, late: () => Error): Promise<T> {
    const over = new AbortController()
    const lost = this.#runOut(ms, over.signal).then(() => {
      throw late()
    })
    try {
      return await Promise.race([waiting, lost])
    } finally {
      over.abort(new Error('it is no longer waited for'))
    }
  }

  async #runOut(ms: number, signal: AbortSignal): Promise<void> {
    let seen = this.#renewals
    for (let taken = 0; taken < ms; ) {
      await this.#clock.sleep(LOOK_EVERY_MS, signal)
      if (this.#others === 0) taken += LOOK_EVERY_MS
      if (this.#renewals === seen) continue
      seen = this.#renewals
      taken = 0
    }
  }
}
