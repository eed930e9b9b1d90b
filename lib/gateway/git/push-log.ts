/**
 * What becomes of pushes, in the agent's log: each that goes through is an event; of those that do not, as many as the log takes.
 */
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { GitAccess, RecordedPush } from '../ports.ts'
import { createRefusalTally } from '../refusal-tally.ts'

export interface PushLog {
  /** Settles when it is stored, or was left out. Rejects when it could not be stored. */
  record(agentId: string, push: RecordedPush): Promise<void>
}

const BOUNDS = { maxAtOnce: 30, oneMoreMs: 10_000 }

export function createPushLog(options: { access: GitAccess; logger: Logger; clock: Clock }): PushLog {
  const { access, logger, clock } = options
  const tally = createRefusalTally({ clock, ...BOUNDS })
  return {
    record: async (agentId, push) => {
      if (push.outcome === 'ok') return access.recordPush(agentId, push)
      const admitted = tally.admit(agentId, JSON.stringify([push.outcome, push.repository, push.ref, push.reason]))
      if (admitted === null) return
      const noted = admitted.note === null ? push : { ...push, note: admitted.note }
      logger.info('a push did not go through', { agentId, ...noted })
      await access.recordPush(agentId, noted)
    },
  }
}
