/** Every refusal is an event and a line of the log, up to the bounds of an agent. Owns: which of them say the same. */
import type { Clock } from '../../clock.ts'
import type { EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import type { Logger } from '../../logger.ts'
import type { EgressAccess } from '../ports.ts'
import { createRefusalTally } from '../refusal-tally.ts'

export interface DenialLog {
  /** Settles when it is stored, or was left out. Never rejects. */
  record(agentId: string, target: EgressTarget, refusal: EgressRefusal): Promise<void>
}

const BOUNDS = { maxAtOnce: 100, oneMoreMs: 6_000 }

export function createDenialLog(options: { access: EgressAccess; logger: Logger; clock: Clock }): DenialLog {
  const { access, logger, clock } = options
  const tally = createRefusalTally({ clock, ...BOUNDS })
  return {
    record: async (agentId, target, refusal) => {
      const admitted = tally.admit(agentId, `${target.host}:${target.port}:${refusal.rule}`)
      if (admitted === null) return
      const denial = { ...target, ...refusal, ...(admitted.note === null ? {} : { note: admitted.note }) }
      logger.info('egress refused', { agentId, ...denial })
      try {
        await access.recordDenied(agentId, denial)
      } catch (error) {
        logger.error('a refusal could not be stored', { agentId, error })
      }
    },
  }
}
