/** Why a sandbox did not start: one shape for every reason and every driver. */
import { BerthError, isBerthError } from '../../errors.ts'

/** How many of the last lines of a log are told with a failed start. */
export const LOG_TAIL_LINES = 50

/** An engine that is gone, an image that is missing or a wrong variable stay what they are. */
export function toStartFailure(agentId: string, { error, logTail }: { error: unknown; logTail: string[] }): BerthError {
  if (isBerthError(error) && error.code !== 'sandbox_lost' && error.code !== 'start_failed') return error
  const reason = error instanceof Error ? error.message : String(error)
  const hint = isBerthError(error) && error.code === 'start_failed' ? error.hint : undefined
  return new BerthError('start_failed', `The sandbox of agent ${agentId} did not start: ${reason}`, {
    hint: hint ?? 'The last lines of its log say more.',
    details: { stage: 'container', logTail },
    cause: error,
  })
}
