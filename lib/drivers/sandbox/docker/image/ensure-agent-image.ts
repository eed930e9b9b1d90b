/**
 * The agent image: there, and made of what the sources say now. Owns: bundling, the base, the tools image, the last layer,
 * the list of registries asked from the image. Must not know: agents, sandboxes. For scripts and the start, not for requests:
 * it takes minutes the first time.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Settings } from '../../../../config.ts'
import { bundlePrograms, type ProgramEntries } from '../../bundle-programs.ts'
import { type OpenEngine, openEngine } from '../engine/open-engine.ts'
import { isAgentImage, LABEL } from '../labels.ts'
import { asImageMissing } from './as-image-missing.ts'
import { askRegistryHosts } from './ask-registries.ts'
import { hashContext, packContext } from './build-context.ts'
import { ensureOwnImage } from './own-image.ts'
import { runBuild } from './run-build.ts'
import { removeAbandonedRuns } from './run-once.ts'
import { withTemporaryFolder } from './temporary-folder.ts'
import { buildToolsImage, planToolsImage, type ToolsPlan } from './tools-image.ts'

export interface EnsureAgentImage {
  settings: Pick<Settings, 'dockerHost' | 'agentImage' | 'baseImage' | 'extraCaFile'> & {
    egress: Pick<Settings['egress'], 'proxy'>
  }
  /** A line for a person at every step that takes a while. */
  onProgress(line: string): void
  /** Builds everything anew but the base. */
  noCache?: boolean
  signal?: AbortSignal
  /** The project; default: the working directory. */
  root?: string
  /** Those that are not the `main.ts` of container/bridge, container/runner and container/relay. */
  entries?: Partial<ProgramEntries>
  /** For tests: a name other than that of this version of the project. */
  tag?: string
}

/** What a build left behind for so long belongs to no build that still runs. */
const ABANDONED_AFTER = '2h'

/**
 * Answers the name of an image that is there; `built` when it had to be made. One named by BERTH_AGENT_IMAGE is used as it is,
 * pulled where it is not there, and never built. Throws `engine_unreachable`, or `image_missing` with the reason, what to do, and
 * the end of a build's output in `details.logTail`. Safe to call from two processes at once; leaves nothing half made.
 */
export async function ensureAgentImage(options: EnsureAgentImage): Promise<{ image: string; built: boolean }> {
  const { settings, onProgress, noCache = false, root = process.cwd() } = options
  const signal = options.signal ?? new AbortController().signal
  const engine = openEngine(settings.dockerHost)
  if (settings.agentImage !== null) {
    await ensureOwnImage(engine, { name: settings.agentImage, onProgress, signal })
    return { image: settings.agentImage, built: false }
  }
  return await asImageMissing(signal, () => buildUnlessBuilt(engine, { ...options, noCache, root, signal }))
}

async function buildUnlessBuilt(
  engine: OpenEngine,
  options: EnsureAgentImage & { noCache: boolean; root: string; signal: AbortSignal },
): Promise<{ image: string; built: boolean }> {
  const { settings, onProgress, noCache, root, signal } = options
  const { image, present, plan, layer } = await planAgentImage(engine, options)
  if (present?.labels[LABEL.content] === layer.hash && !noCache) return { image, built: false }

  await sweepAbandoned(engine, signal)
  const toolsPresent = (await engine.findImage(plan.image)) !== null
  if (!toolsPresent || noCache) {
    await withTemporaryFolder((temporaryDirectory) =>
      buildToolsImage(engine, {
        plan,
        root,
        proxy: settings.egress.proxy,
        noCache,
        temporaryDirectory,
        onProgress,
        signal,
      }),
    )
  }
  await buildAgentLayer(engine, { image, plan, layer, onProgress, signal })
  await removeReplaced(engine, { present, plan })
  onProgress(`The agent image ${image} is ready`)
  return { image, built: true }
}

/** What a start would find. `own`, `foreign`, `absent`: named by BERTH_AGENT_IMAGE, and with Berth's programs, without, or not there. */
export interface AgentImageState {
  image: string
  state: 'current' | 'own' | 'foreign' | 'absent' | 'stale' | 'missing'
  /** Null unless it has to be built: what from, and whether the engine has all of that but Berth's own programs. */
  build: { baseImage: string; architecture: string; hasTools: boolean } | null
}

/** Looks, and builds nothing. Throws as `ensureAgentImage` does. */
export async function inspectAgentImage(
  engine: OpenEngine,
  options: Omit<EnsureAgentImage, 'onProgress' | 'noCache' | 'signal'>,
): Promise<AgentImageState> {
  const { settings, root = process.cwd() } = options
  if (settings.agentImage !== null) {
    const found = await engine.findImage(settings.agentImage)
    const named = { image: settings.agentImage, build: null }
    if (found === null) return { ...named, state: 'absent' }
    return { ...named, state: isAgentImage(found) ? 'own' : 'foreign' }
  }
  const { image, present, plan, layer } = await planAgentImage(engine, { ...options, root })
  if (present?.labels[LABEL.content] === layer.hash) return { image, state: 'current', build: null }
  const hasTools = (await engine.findImage(plan.image)) !== null
  const build = { baseImage: plan.baseImage, architecture: plan.architecture.debian, hasTools }
  return { image, state: present === null ? 'missing' : 'stale', build }
}

/** The image's name, what carries it now, and what it would be made of: reading that takes a second. */
async function planAgentImage(
  engine: OpenEngine,
  options: Pick<EnsureAgentImage, 'settings' | 'entries' | 'tag'> & { root: string },
) {
  const { settings, root } = options
  const { architecture } = await engine.version()
  const image = options.tag ?? `berth-agent:${await readVersion(root)}`
  const present = await engine.findImage(image)
  const entries = {
    bridge: path.join(root, 'container/bridge/main.ts'),
    runner: path.join(root, 'container/runner/main.ts'),
    relay: path.join(root, 'container/relay/main.ts'),
    ...options.entries,
  }
  const plan = await planToolsImage(settings, { root, engineArchitecture: architecture })
  return { image, present, plan, layer: await planAgentLayer({ root, entries, plan }) }
}

interface AgentLayer {
  hash: string
  files: { path: string; mode: number; content: Buffer }[]
}

async function planAgentLayer(from: { root: string; entries: ProgramEntries; plan: ToolsPlan }): Promise<AgentLayer> {
  const bundles = await bundlePrograms(from.entries, from.root)
  const files = [...bundles].map(([name, content]) => ({ path: name, mode: 0o644, content }))
  files.push({
    path: 'agent.Dockerfile',
    mode: 0o644,
    content: await readFile(path.join(from.root, 'container/agent.Dockerfile')),
  })
  return { hash: hashContext([from.plan.hash], files), files }
}

interface AgentLayerBuild {
  image: string
  plan: ToolsPlan
  layer: AgentLayer
  onProgress(line: string): void
  signal: AbortSignal
}

async function buildAgentLayer(engine: OpenEngine, build: AgentLayerBuild): Promise<void> {
  const { image, plan, layer, onProgress, signal } = build
  onProgress('Asking its package managers where they fetch from')
  const hosts = await askRegistryHosts(engine, plan.image, signal)
  onProgress(`Adding the bridge, the runner and the relay to ${image}`)
  await runBuild(engine, {
    what: 'the agent image',
    context: packContext(layer.files),
    dockerfile: 'agent.Dockerfile',
    tag: image,
    buildArgs: { BERTH_TOOLS_IMAGE: plan.image },
    labels: {
      [LABEL.content]: layer.hash,
      [LABEL.egress]: JSON.stringify(hosts),
      [LABEL.tools]: plan.image,
    },
    noCache: false,
    onProgress,
    signal,
  })
}

/** The image that had the tag before, and its tools when no longer wanted. Those in use stay until nothing uses them. */
async function removeReplaced(
  engine: OpenEngine,
  { present, plan }: { present: { id: string; labels: Record<string, string> } | null; plan: ToolsPlan },
): Promise<void> {
  if (present === null) return
  await engine.removeImage(present.id)
  const oldTools = present.labels[LABEL.tools]
  if (oldTools !== undefined && oldTools !== plan.image) await engine.removeImage(oldTools)
}

/** Containers and untagged images of builds that were killed, and agent images that were replaced while a sandbox used them. */
async function sweepAbandoned(engine: OpenEngine, signal: AbortSignal): Promise<void> {
  await removeAbandonedRuns(engine)
  await engine.pruneImages({ label: LABEL.part, olderThan: ABANDONED_AFTER }, signal)
  // Only a finished agent image has it.
  await engine.pruneImages({ label: LABEL.tools }, signal)
}

async function readVersion(root: string): Promise<string> {
  return JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')).version
}
