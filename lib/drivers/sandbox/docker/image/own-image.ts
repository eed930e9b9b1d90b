/** An agent image of a person's own, named by BERTH_AGENT_IMAGE: used as it is, pulled where it is not there, and never built. */
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { type Pull, pullImage } from './pull-image.ts'

/** Throws `image_missing` with what to do when it is not there and cannot be pulled. */
export async function ensureOwnImage(engine: ContainerEngine & ImageEngine, pull: Pull): Promise<void> {
  const { name } = pull
  if ((await engine.findImage(name)) !== null) return
  const problem = await pullImage(engine, pull)
  if (problem === null && (await engine.findImage(name)) !== null) return
  const words = (problem ?? 'the engine does not have it after the pull').trim().replaceAll(/\s+/g, ' ')
  throw new BerthError(
    'image_missing',
    `BERTH_AGENT_IMAGE names ${name}, which is not on the engine at ${engine.address} and could not be pulled: ${words}`,
    {
      hint: "Correct the name, or bring the image to the engine (`docker pull` or `docker load`); without BERTH_AGENT_IMAGE Berth's own is built.",
    },
  )
}
