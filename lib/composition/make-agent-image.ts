/**
 * The agent image as a control plane starts: what becomes of it does not decide whether the rest is served. Owns: how long the
 * start waits for it. Must not know: how it is made.
 */
import { type Clock, systemClock } from '../clock.ts'
import type { Settings } from '../config.ts'
import { withinDeadline } from '../deadline.ts'
import { ensureAgentImage } from '../drivers/sandbox/docker/image/ensure-agent-image.ts'
import { BerthError, isBerthError } from '../errors.ts'
import type { Progress } from './progress.ts'

const IMAGE_DEADLINE_MS = 15 * 60_000
const SHOWN_LINES = 20

export interface ImageMaking {
  settings: Settings
  /** The project's folder. */
  root: string
  progress: Progress
  signal: AbortSignal
  clock?: Clock
  /** Default: ensureAgentImage. */
  ensure?: typeof ensureAgentImage
}

/**
 * Null when the image is there. Without an engine or an image the rest works: the start goes on, and the caller says so. How the
 * build goes on is shown here, and what it said last when it fails. Throws when the start is given up.
 */
export async function makeAgentImage(making: ImageMaking): Promise<BerthError | null> {
  const { settings, root, progress, signal, clock = systemClock, ensure = ensureAgentImage } = making
  const late = new BerthError(
    'image_missing',
    `The agent image was not ready within the ${IMAGE_DEADLINE_MS / 60_000} minutes that a start waits for it.`,
    { hint: 'npm run build-container makes it without a time limit.' },
  )
  try {
    await progress.step('Preparing the agent image', (note) =>
      withinDeadline({ clock, ms: IMAGE_DEADLINE_MS, signal, late }, (timed) =>
        ensure({ settings, root, onProgress: note, signal: timed }),
      ),
    )
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (!isBerthError(error)) throw error
    const tail = Array.isArray(error.details?.logTail) ? error.details.logTail : []
    for (const line of tail.slice(-SHOWN_LINES)) progress.say(`  | ${line}`)
    return error
  }
}
