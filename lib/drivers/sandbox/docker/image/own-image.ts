/** An agent image of a person's own, named by BERTH_AGENT_IMAGE: used as it is, pulled where it is not there, and never built. */
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { isAgentImage } from '../labels.ts'
import { foreignImage } from '../start-failure.ts'
import { type Pull, pullImage } from './pull-image.ts'

/** Throws `image_missing` with what to do when it is not there and cannot be pulled, or is no agent image. */
export async function ensureOwnImage(engine: ContainerEngine & ImageEngine, pull: Pull): Promise<void> {
  const found = (await engine.findImage(pull.name)) ?? (await pullAndFind(engine, pull))
  if (!isAgentImage(found)) throw foreignImage(pull.name)
}

async function pullAndFind(engine: ContainerEngine & ImageEngine, pull: Pull) {
  const { name } = pull
  const problem = await pullImage(engine, pull)
  const found = problem === null ? await engine.findImage(name) : null
  if (found !== null) return found
  const words = (problem ?? 'the engine does not have it after the pull').trim().replaceAll(/\s+/g, ' ')
  throw new BerthError(
    'image_missing',
    `BERTH_AGENT_IMAGE names ${name}, which is not on the engine at ${engine.address} and could not be pulled: ${words.replace(/\.$/, '')}.`,
    {
      hint: "Correct the name, or bring the image to the engine (`docker pull` or `docker load`); without BERTH_AGENT_IMAGE Berth's own is built.",
    },
  )
}
