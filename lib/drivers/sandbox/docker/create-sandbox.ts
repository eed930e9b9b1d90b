/** Makes a sandbox, or leaves nothing of the attempt but the reason and the last lines of its log. */
import { isBerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { SandboxSpec } from '../port.ts'
import { toStartFailure } from '../start-failure.ts'
import { toContainerConfig } from './container-config.ts'
import { type ContainerEngine, isRefusal } from './engine/engine.ts'
import type { ReachFinder } from './reach/reach.ts'
import type { Runners } from './runner.ts'
import { type DockerSandbox, getSandbox, listSandboxes } from './sandboxes.ts'
import { prepareSocketDirectory, removeSocketDirectory } from './socket-directory.ts'
import { missingImage, readLogTail } from './start-failure.ts'
import { ensureVolumes } from './volumes.ts'

export interface SandboxMaker {
  engine: ContainerEngine
  runners: Runners
  finder: ReachFinder
  socketRoot: string
  ipv6: boolean
  logger: Logger
  /** Ends what is there of an earlier incarnation. */
  remove(sandbox: DockerSandbox): Promise<void>
  /** For one that is there already. */
  start(sandbox: DockerSandbox): Promise<DockerSandbox>
}

/** The same incarnation again answers the one that is there; another incarnation of the agent is removed first. */
export async function createSandbox(
  maker: SandboxMaker,
  spec: SandboxSpec,
  signal?: AbortSignal,
): Promise<DockerSandbox> {
  const { installationId, agentId, incarnation } = spec
  for (const other of await listSandboxes(maker.engine, { installationId, agentId })) {
    if (other.incarnation === incarnation) return maker.start(other)
    maker.logger.warn('removing an earlier sandbox of the agent', { agentId, incarnation: other.incarnation })
    await maker.remove(other)
  }
  const attempt: Attempt = { containerId: null, madeVolumes: [] }
  try {
    return await makeSandbox(maker, { spec, attempt, signal })
  } catch (error) {
    const logTail = await readLogTail(maker, attempt.containerId)
    await undo(maker, { spec, attempt })
    // A wish is thrown as it is; a deadline gets the log's last lines with it.
    if (signal?.aborted && !isBerthError(signal.reason)) throw signal.reason
    throw toStartFailure(spec.agentId, { error: signal?.aborted ? signal.reason : error, logTail })
  }
}

/** What has been made so far. */
interface Attempt {
  containerId: string | null
  madeVolumes: string[]
}

interface Making {
  spec: SandboxSpec
  attempt: Attempt
  signal?: AbortSignal | undefined
}

async function makeSandbox(maker: SandboxMaker, { spec, attempt, signal }: Making): Promise<DockerSandbox> {
  const { engine, runners, finder, socketRoot, ipv6 } = maker
  signal?.throwIfAborted()
  const { reach } = await finder.find(spec.image)
  signal?.throwIfAborted()
  await ensureVolumes(engine, { owner: spec, made: attempt.madeVolumes })
  const socketDirectory = reach === 'relay' ? null : await prepareSocketDirectory(socketRoot, spec.incarnation)
  signal?.throwIfAborted()
  attempt.containerId = await createNamed(engine, spec, toContainerConfig({ spec, socketDirectory, ipv6 }))
  signal?.throwIfAborted()
  await engine.startContainer(attempt.containerId)
  await runners.ensure(attempt.containerId, spec.agentId)
  signal?.throwIfAborted()
  const sandbox = await getSandbox(engine, spec)
  if (sandbox.state === 'stopped') throw new Error(`its container ended at once with exit code ${sandbox.exitCode}.`)
  return sandbox
}

/** The name is for people; a stale container that has it must not keep the agent from starting. */
async function createNamed(
  engine: ContainerEngine,
  spec: SandboxSpec,
  config: Record<string, unknown>,
): Promise<string> {
  const name = `agent-${spec.agentId}`
  try {
    return await engine.createContainer(name, config)
  } catch (error) {
    if (isRefusal(error, 404)) throw missingImage(spec.image, error)
    if (!isRefusal(error, 409)) throw error
    return engine.createContainer(`${name}-${spec.incarnation}`, config)
  }
}

/** Everything that this attempt made; volumes that were there before stay. The reason of the failure is kept whatever happens here. */
async function undo({ engine, runners, socketRoot, logger }: SandboxMaker, { spec, attempt }: Making): Promise<void> {
  try {
    if (attempt.containerId !== null) {
      runners.forget(attempt.containerId)
      await engine.removeContainer(attempt.containerId)
    }
    await removeSocketDirectory(socketRoot, spec.incarnation)
    for (const name of attempt.madeVolumes) await engine.removeVolume(name)
  } catch (error) {
    logger.error('a failed start could not be cleaned up', { agentId: spec.agentId, error })
  }
}
