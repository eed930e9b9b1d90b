/** Starting, stopping and removing a container that is there. Knows which ends were wanted, so that a watch can tell. */
import path from 'node:path'
import type { Logger } from '../../../logger.ts'
import type { SandboxLabels } from '../port.ts'
import { toStartFailure } from '../start-failure.ts'
import type { ContainerEngine } from './engine/engine.ts'
import type { Dialer } from './reach/dialer.ts'
import type { Runners } from './runner.ts'
import { type DockerSandbox, findSandbox, getSandbox } from './sandboxes.ts'
import { prepareSocketDirectory, removeSocketDirectory, socketDirectoryOf } from './socket-directory.ts'
import { readLogTail } from './start-failure.ts'

/** The bridge closes its journal and goes; after that it is killed. */
const STOP_GRACE_SECONDS = 10

export interface Lifecycle {
  start(labels: SandboxLabels): Promise<DockerSandbox>
  stop(labels: SandboxLabels): Promise<void>
  remove(labels: SandboxLabels): Promise<void>
  /** True for a container that was stopped or removed from here. */
  isExpected(engineId: string): boolean
  forget(engineId: string): void
}

export interface LifecycleParts {
  engine: ContainerEngine
  runners: Runners
  dialer: Dialer
  socketRoot: string
  logger: Logger
}

export function createLifecycle({ engine, runners, dialer, socketRoot, logger }: LifecycleParts): Lifecycle {
  const expected = new Set<string>()
  /** Another control plane's folder is its own to prepare; without it the container does not start. */
  const isOwn = ({ reach, socketDirectory, incarnation }: DockerSandbox) =>
    reach === 'socket' && socketDirectory === socketDirectoryOf(socketRoot, incarnation)
  return {
    start: async (labels) => {
      const sandbox = await getSandbox(engine, labels)
      try {
        if (sandbox.state === 'stopped') {
          expected.delete(sandbox.engineId)
          if (isOwn(sandbox)) await prepareSocketDirectory(socketRoot, sandbox.incarnation)
          await engine.startContainer(sandbox.engineId)
        }
        await runners.ensure(sandbox.engineId, sandbox.agentId)
        return await getSandbox(engine, labels)
      } catch (error) {
        const logTail = await readLogTail({ engine, runners, logger }, sandbox.engineId)
        throw toStartFailure(sandbox.agentId, { error, logTail })
      }
    },

    stop: async (labels) => {
      const sandbox = await findSandbox(engine, labels)
      if (sandbox?.state !== 'running') return
      expected.add(sandbox.engineId)
      dialer.forget(sandbox.engineId)
      await engine.stopContainer(sandbox.engineId, STOP_GRACE_SECONDS)
      runners.forget(sandbox.engineId)
    },

    remove: async (labels) => {
      const sandbox = await findSandbox(engine, labels)
      if (sandbox !== null) {
        expected.add(sandbox.engineId)
        runners.forget(sandbox.engineId)
        dialer.forget(sandbox.engineId)
        await engine.removeContainer(sandbox.engineId)
      }
      const root = sandbox?.socketDirectory ? path.dirname(sandbox.socketDirectory) : socketRoot
      if (await removeSocketDirectory(root, labels.incarnation)) return
      logger.warn('a socket directory keeps files of its sandbox that this user cannot remove', {
        ...labels,
        socketRoot: root,
      })
    },

    isExpected: (engineId) => expected.has(engineId),
    forget: (engineId) => {
      expected.delete(engineId)
    },
  }
}
