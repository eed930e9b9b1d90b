/** The image that the agent image is built from: one that the engine has, one that it can pull, or one made of Debian packages. */
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { canMakeDebianBase, makeDebianBase } from './debian-base.ts'

/** A registry that says nothing for so long is not there; while bytes arrive it may take longer. */
const PULL_SILENCE_MS = 20_000

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
  base.onProgress(`Pulling ${base.name}`)
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
    `The base image ${name} is not on the engine and could not be pulled: ${problem}`,
    {
      hint: isDebian(name)
        ? 'Without a registry a base can be made on a Debian or Ubuntu machine with apt. Else bring an image to the engine (`docker load`) and name it in BERTH_BASE_IMAGE.'
        : 'Bring it to the engine (`docker pull` or `docker load`), or name another Debian-based image in BERTH_BASE_IMAGE.',
    },
  )
}

/** Null when it is there now, else why not, for a person. */
async function pullImage(engine: ImageEngine, { name, signal, onProgress }: BaseImage): Promise<string | null> {
  const silence = new AbortController()
  const expire = () => silence.abort(new Error(`no answer for ${PULL_SILENCE_MS / 1_000} s`))
  let timer = setTimeout(expire, PULL_SILENCE_MS)
  try {
    for await (const message of await engine.pull(name, AbortSignal.any([signal, silence.signal]))) {
      clearTimeout(timer)
      timer = setTimeout(expire, PULL_SILENCE_MS)
      if (message.error !== undefined) return message.error
      if (message.status === 'Pull complete') onProgress(`  layer ${message.id ?? ''} is here`)
    }
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (silence.signal.aborted) return String(silence.signal.reason.message)
    if (error instanceof BerthError) throw error
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
