/**
 * Every refusal is an event, but a program that tries again and again is one: the same host, port and rule are recorded once
 * a minute, and no sandbox fills its log with names it makes up. Owns: that thinning.
 */
import type { Clock } from '../../clock.ts'
import type { EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import type { Logger } from '../../logger.ts'
import type { EgressAccess } from '../ports.ts'

export interface DenialLog {
  /** Settles when it is stored, or was left out. Never rejects. */
  record(agentId: string, target: EgressTarget, refusal: EgressRefusal): Promise<void>
}

const WINDOW_MS = 60_000
const MAX_PER_WINDOW = 100

interface Window {
  startedMs: number
  /** Count of each denial, also of those left out. */
  seen: Map<string, number>
}

export function createDenialLog(options: { access: EgressAccess; logger: Logger; clock: Clock }): DenialLog {
  const { access, logger, clock } = options
  const windows = new Map<string, Window>()

  const openWindow = (agentId: string): Window => {
    const nowMs = clock.monotonicMs()
    const current = windows.get(agentId)
    if (current !== undefined && nowMs - current.startedMs < WINDOW_MS) return current
    for (const [id, window] of windows) {
      if (nowMs - window.startedMs >= WINDOW_MS) windows.delete(id)
    }
    const fresh = { startedMs: nowMs, seen: new Map<string, number>() }
    windows.set(agentId, fresh)
    return fresh
  }

  return {
    record: async (agentId, target, refusal) => {
      const { seen } = openWindow(agentId)
      const key = `${target.host}:${target.port}:${refusal.rule}`
      const times = seen.get(key) ?? 0
      if (times === 0 && seen.size >= MAX_PER_WINDOW) return
      seen.set(key, times + 1)
      if (times > 0) return
      logger.info('egress refused', { agentId, ...target, ...refusal })
      if (seen.size === MAX_PER_WINDOW)
        logger.warn('more refusals of this agent are left out for a minute', { agentId })
      try {
        await access.recordDenied(agentId, { ...target, ...refusal })
      } catch (error) {
        logger.error('a refusal could not be stored', { agentId, error })
      }
    },
  }
}
