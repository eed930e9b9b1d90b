/** The image that the agent image is built from: one that the engine has, one that it can pull, or one made of Debian packages. */
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { canMakeDebianBase, makeDebianBase } from './debian-base.ts'
import { pullImage } from './pull-image.ts'

export interface BaseImage {
  /** As configured, e.g. `debian:bookworm-slim`. */
  name: string
  /** Debian's name of the engine's architecture. */
  architecture: string
  temporaryDirectory: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** Answers the name to build from. Throws `image_missing` with what to do when there is no way to one. */
export async function ensureBaseImage(engine: ContainerEngine & ImageEngine, base: BaseImage): Promise<string> {
  const present = await findBaseImage(engine, base)
  if (present !== null) return present
  const problem = await pullImage(engine, base)
  if (problem === null) return base.name
  base.onProgress(`  could not pull ${base.name}: ${problem}`)
  if (!(await canMakeBase(base.name))) throw noBaseImage(base.name, problem)
  const made = nameOfMade(base)
  base.onProgress(`Making a base from this machine's own Debian packages instead, as ${made}`)
  await makeDebianBase(engine, { ...base, tag: made })
  return made
}

/** The name to build from when the engine has it, or one that was made in its place. */
export async function findBaseImage(
  engine: Pick<ContainerEngine, 'findImage'>,
  base: Pick<BaseImage, 'name' | 'architecture'>,
): Promise<string | null> {
  for (const name of [base.name, nameOfMade(base)]) if ((await engine.findImage(name)) !== null) return name
  return null
}

/** Whether this machine could make a stand-in for it, without a registry. */
export async function canMakeBase(name: string): Promise<boolean> {
  return isDebian(name) && (await canMakeDebianBase())
}

const nameOfMade = ({ name, architecture }: Pick<BaseImage, 'name' | 'architecture'>) =>
  `berth-base:${name.replace(/[^a-zA-Z0-9]+/g, '-')}-${architecture}`

/** Only Debian's own image has a stand-in: packages of one distribution do not replace another's. */
function isDebian(name: string): boolean {
  return /^debian(:|$)/.test(name.split('/').pop() ?? '')
}

function noBaseImage(name: string, problem: string): BerthError {
  return new BerthError(
    'image_missing',
    `The base image ${name} is not on the engine and could not be pulled: ${problem}.`,
    {
      hint: isDebian(name)
        ? 'Without a registry a base can be made on a Debian or Ubuntu machine with apt. Else bring an image to the engine (`docker load`) and name it in BERTH_BASE_IMAGE.'
        : 'Bring it to the engine (`docker pull` or `docker load`), or name another Debian-based image in BERTH_BASE_IMAGE.',
    },
  )
}
