/**
 * How many refusals of an agent its log takes: a program that tries again and again is told each time, but the log says the same
 * thing once a minute, and no sandbox fills it with what it makes up. Owns: that thinning, and the words for what is left out.
 */
import type { Clock } from '../clock.ts'

export interface RefusalTally {
  /**
   * Null when this refusal is to be left out of the log; else what its entry has to say about those that were. `key`: equal for
   * refusals that say the same.
   */
  admit(agentId: string, key: string): { note: string | null } | null
}

export interface TallyBounds {
  clock: Clock
  /** Different ones of one agent: so many at once, and one more for every so many milliseconds after that. */
  maxAtOnce: number
  oneMoreMs: number
}

/** The same refusal again is left out for so long. */
const REPEAT_MS = 60_000

/** What was recorded of one agent. */
interface Tally {
  /** How many may be recorded now, and when that was counted. */
  allowance: number
  countedMs: number
  /** When each was recorded last. */
  recorded: Map<string, number>
  leftOut: number
}

export function createRefusalTally({ clock, maxAtOnce, oneMoreMs }: TallyBounds): RefusalTally {
  const tallies = new Map<string, Tally>()

  const refill = (tally: Tally, nowMs: number) => {
    tally.allowance = Math.min(maxAtOnce, tally.allowance + (nowMs - tally.countedMs) / oneMoreMs)
    tally.countedMs = nowMs
    for (const [key, recordedMs] of tally.recorded) {
      if (nowMs - recordedMs >= REPEAT_MS) tally.recorded.delete(key)
    }
  }
  const openTally = (agentId: string, nowMs: number): Tally => {
    const known = tallies.get(agentId)
    if (known !== undefined) {
      refill(known, nowMs)
      return known
    }
    for (const [id, tally] of tallies) {
      refill(tally, nowMs)
      if (tally.allowance === maxAtOnce && tally.recorded.size === 0) tallies.delete(id)
    }
    const fresh = { allowance: maxAtOnce, countedMs: nowMs, recorded: new Map<string, number>(), leftOut: 0 }
    tallies.set(agentId, fresh)
    return fresh
  }

  return {
    admit: (agentId, key) => {
      const nowMs = clock.monotonicMs()
      const tally = openTally(agentId, nowMs)
      if (tally.recorded.has(key) || tally.allowance < 1) {
        tally.leftOut += 1
        return null
      }
      const words = [
        ...(tally.leftOut > 0
          ? [`${tally.leftOut} refusals before this one are not in the log: repeated ones, or too many at once.`]
          : []),
        ...(tally.allowance < 2
          ? [`There are too many: from now on one in ${oneMoreMs / 1_000} seconds is in the log.`]
          : []),
      ]
      tally.recorded.set(key, nowMs)
      tally.allowance -= 1
      tally.leftOut = 0
      return { note: words.length === 0 ? null : words.join(' ') }
    },
  }
}
