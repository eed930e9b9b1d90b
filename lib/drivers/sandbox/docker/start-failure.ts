/** Why a sandbox did not start: one shape for every reason, with the last lines that its programs wrote. */
import { BerthError, isBerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { ContainerEngine } from './engine/engine.ts'
import type { Runners } from './runner.ts'

const LOG_LINES = 50

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

/** Of the bridge and then of the runner; empty when it cannot be had. */
export async function readLogTail(
  { engine, runners, logger }: { engine: ContainerEngine; runners: Runners; logger: Logger },
  containerId: string | null,
): Promise<string[]> {
  if (containerId === null) return []
  try {
    const lines = await engine.readLogs(containerId, LOG_LINES)
    return [...lines, ...runners.words(containerId).map((line) => `runner: ${line}`)].slice(-LOG_LINES)
  } catch (error) {
    logger.warn('the log of a failed start cannot be read', { error })
    return []
  }
}

export function missingImage(image: string, cause?: unknown): BerthError {
  return new BerthError('image_missing', `The agent image ${image} is not on the Docker engine.`, {
    hint: 'Build it: `npm run build-container`.',
    cause,
  })
}
