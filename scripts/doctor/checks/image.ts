/** The agent image: there and made of the current sources, or what makes it, and whether that can work. */
import type { OpenEngine } from '../../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { canMakeBase, findBaseImage } from '../../../lib/drivers/sandbox/docker/image/base-image.ts'
import {
  type AgentImageState,
  type EnsureAgentImage,
  inspectAgentImage,
} from '../../../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { foreignImage } from '../../../lib/drivers/sandbox/docker/start-failure.ts'
import { isBerthError } from '../../../lib/errors.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface ImageFacts {
  /** Or why it cannot be told, nor an image be made. */
  state: AgentImageState | { words: string; hint: string }
  base: BaseFacts | null
  /** Of an image that BERTH_AGENT_IMAGE names and that is not there: why it cannot be pulled; null where it can be. */
  pullProblem?: string | null
}

/** Where the base would come from; null in ImageFacts where none is needed. */
export interface BaseFacts {
  /** The engine has it. */
  isThere: boolean
  /** Null: its registry has it; else the registry's words, or that it did not answer. */
  registryProblem: string | null
  /** It can be made of this machine's Debian packages. */
  canBeMade: boolean
}

const REGISTRY_TIMEOUT_MS = 6_000

/** The engine must answer. */
export async function readImage(
  engine: OpenEngine,
  from: Pick<EnsureAgentImage, 'settings' | 'tag'> & { root: string },
): Promise<ImageFacts> {
  try {
    const state = await inspectAgentImage(engine, from)
    if (state.state === 'absent') return { state, base: null, pullProblem: await askRegistry(engine, state.image) }
    const needsBase = state.build !== null && !state.build.hasTools
    return { state, base: needsBase && state.build ? await readBase(engine, state.build) : null }
  } catch (error) {
    if (!isBerthError(error)) throw error
    return { state: { words: error.message, hint: error.hint ?? '' }, base: null }
  }
}

async function readBase(
  engine: OpenEngine,
  { baseImage, architecture }: { baseImage: string; architecture: string },
): Promise<BaseFacts> {
  const isThere = (await findBaseImage(engine, { name: baseImage, architecture })) !== null
  if (isThere) return { isThere, registryProblem: null, canBeMade: false }
  const [registryProblem, canBeMade] = await Promise.all([askRegistry(engine, baseImage), canMakeBase(baseImage)])
  return { isThere, registryProblem, canBeMade }
}

/** Null: it has the image. */
async function askRegistry(engine: OpenEngine, image: string): Promise<string | null> {
  const late = Promise.withResolvers<string>()
  const timer = setTimeout(() => late.resolve(`no answer within ${REGISTRY_TIMEOUT_MS / 1_000} s`), REGISTRY_TIMEOUT_MS)
  const asked = engine.askRegistry(image).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  try {
    return await Promise.race([asked, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const MAKE = 'npm run build-container'

export function judgeImage({ state, base, pullProblem = null }: ImageFacts): Finding[] {
  const because = 'there is no agent image, and none can be made'
  if (!('state' in state)) return [problem(state.words, state.hint || `See why: ${MAKE}`, because)]
  const { image, build } = state
  if (state.state === 'own') return [ok(`${image} is there, as BERTH_AGENT_IMAGE names it`)]
  if (state.state === 'foreign') return [judgeForeign(image)]
  if (state.state === 'absent') return [judgeAbsent(image, pullProblem)]
  if (build === null) return [ok(`${image} is there, made of the current sources`)]
  const found = state.state === 'missing' ? `${image} is not made yet` : `${image} is made of other sources than these`
  const cannot = base === null ? null : whyNoBase(build.baseImage, base)
  if (cannot !== null && state.state === 'missing')
    return [problem(`${found}, and ${cannot}`, adviceForBase(build.baseImage), because)]
  if (cannot !== null) return [warning(`${found}, and ${cannot}`, adviceForBase(build.baseImage))]
  const time = build.hasTools ? 'some seconds' : 'some minutes'
  return [warning(`${found}${describeBase(build.baseImage, base)}`, `npm start makes it (${time}), or now: ${MAKE}`)]
}

function judgeForeign(image: string): Finding {
  const { message, hint = '' } = foreignImage(image)
  return problem(message, hint, 'the agent image is not one of Berth')
}

function judgeAbsent(image: string, pullProblem: string | null): Finding {
  const found = `${image}, which BERTH_AGENT_IMAGE names, is not on the engine`
  if (pullProblem === null) return warning(found, `npm start pulls it, or now: docker pull ${image}`)
  return problem(
    `${found}, and cannot be pulled: ${pullProblem.replaceAll(/\s+/g, ' ')}`,
    "Correct the name, or bring the image to the engine (docker load); without BERTH_AGENT_IMAGE Berth's own is built.",
    'the agent image is not there',
  )
}

/** Null: there is a way to a base. */
function whyNoBase(baseImage: string, { isThere, registryProblem, canBeMade }: BaseFacts): string | null {
  if (isThere || registryProblem === null || canBeMade) return null
  return `its base ${baseImage} cannot be had: ${registryProblem.replaceAll(/\s+/g, ' ')}`
}

function adviceForBase(baseImage: string): string {
  return `Bring it to the engine (docker pull ${baseImage}, or docker load), or name an image there that is based on Debian in BERTH_BASE_IMAGE.`
}

function describeBase(baseImage: string, base: BaseFacts | null): string {
  if (base === null) return ''
  if (base.isThere) return `; its base ${baseImage} is there`
  if (base.registryProblem === null) return `; its base ${baseImage} can be pulled`
  return `; its base ${baseImage} cannot be pulled, and will be made of this machine's Debian packages`
}
