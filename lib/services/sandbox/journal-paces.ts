/**
 * How fast a sandbox may speak: an allowance for each agent that no honest run uses up, and a rate at which it grows again. Who
 * has used it up is read more slowly, so that nothing is lost and nobody else waits. Outlives connections: coming back brings no
 * new allowance. Must not know: what is read, what comes of it.
 */
import type { Clock } from '../../clock.ts'

export interface PaceCost {
  messages: number
  bytes: number
}

export interface JournalPaces {
  /** What an agent may say at once. */
  readonly allowance: PaceCost
  /** What comes back in a second. */
  readonly growth: PaceCost
  /** How long to wait before more is read. `isNew` where a flood begins: once until the allowance is whole again. */
  spend(agentId: string, cost: PaceCost): { waitMs: number; isNew: boolean }
}

/** Days of an honest journal, read at once by a control plane that was away. */
export const ALLOWANCE: PaceCost = { messages: 10_000, bytes: 32 * 1024 * 1024 }
/** An honest bridge says some forty things in one. */
export const GROWTH: PaceCost = { messages: 200, bytes: 2 * 1024 * 1024 }
/** Shorter waits are gathered to one. */
const SHORTEST_WAIT_MS = 50
/** More agents than this are looked through for those whose allowance is whole, which need no entry. */
const MAX_QUIET_ENTRIES = 1_000

interface Pace extends PaceCost {
  atMs: number
  isTold: boolean
}

/** Allowance and growth are for tests. */
export function createJournalPaces(options: {
  clock: Pick<Clock, 'monotonicMs'>
  allowance?: PaceCost
  growth?: PaceCost
}): JournalPaces {
  const { clock, allowance = ALLOWANCE, growth = GROWTH } = options
  const paces = new Map<string, Pace>()
  const isWhole = ({ messages, bytes }: PaceCost) => messages >= allowance.messages && bytes >= allowance.bytes

  const grown = (pace: Pace, nowMs: number): Pace => {
    const seconds = (nowMs - pace.atMs) / 1_000
    const messages = Math.min(allowance.messages, pace.messages + seconds * growth.messages)
    const bytes = Math.min(allowance.bytes, pace.bytes + seconds * growth.bytes)
    return { messages, bytes, atMs: nowMs, isTold: pace.isTold && !isWhole({ messages, bytes }) }
  }
  const forgetQuiet = (nowMs: number) => {
    for (const [agentId, pace] of paces) if (isWhole(grown(pace, nowMs))) paces.delete(agentId)
  }

  return {
    allowance,
    growth,
    spend(agentId, cost) {
      const nowMs = clock.monotonicMs()
      if (paces.size > MAX_QUIET_ENTRIES && !paces.has(agentId)) forgetQuiet(nowMs)
      const before = grown(paces.get(agentId) ?? { ...allowance, atMs: nowMs, isTold: false }, nowMs)
      const messages = before.messages - cost.messages
      const bytes = before.bytes - cost.bytes
      const owedMs = Math.max(-messages / growth.messages, -bytes / growth.bytes) * 1_000
      const waitMs = owedMs < SHORTEST_WAIT_MS ? 0 : Math.ceil(owedMs)
      paces.set(agentId, { messages, bytes, atMs: nowMs, isTold: before.isTold || waitMs > 0 })
      return { waitMs, isNew: waitMs > 0 && !before.isTold }
    },
  }
}
