/** Why a container did not start: the last lines that its programs wrote, and an image that is not there or is another program's. */
import { BerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { LOG_TAIL_LINES } from '../start-failure.ts'
import type { ContainerEngine } from './engine/engine.ts'
import type { Runners } from './runner.ts'

/** Of the bridge and then of the runner; empty when it cannot be had. */
export async function readLogTail(
  { engine, runners, logger }: { engine: ContainerEngine; runners: Runners; logger: Logger },
  containerId: string | null,
): Promise<string[]> {
  if (containerId === null) return []
  try {
    const lines = await engine.readLogs(containerId, LOG_TAIL_LINES)
    return [...lines, ...runners.words(containerId).map((line) => `runner: ${line}`)].slice(-LOG_TAIL_LINES)
  } catch (error) {
    logger.warn('the log of a failed start cannot be read', { error })
    return []
  }
}

export function missingImage(image: string, cause?: unknown): BerthError {
  return new BerthError('image_missing', `The agent image ${image} is not on the Docker engine.`, {
    hint: "Berth's own is built by `npm run build-container`; one that BERTH_AGENT_IMAGE names is pulled at the start.",
    cause,
  })
}

/** For an image in which no bridge would start. */
export function foreignImage(image: string): BerthError {
  return new BerthError(
    'image_missing',
    `${image}, which BERTH_AGENT_IMAGE names, does not have Berth's programs in it.`,
    {
      hint: 'Build yours FROM the agent image that `npm run build-container` makes without BERTH_AGENT_IMAGE, or leave BERTH_AGENT_IMAGE out.',
    },
  )
}
