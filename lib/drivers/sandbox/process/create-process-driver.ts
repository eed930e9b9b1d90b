/**
 * The process driver: sandboxes as ordinary processes of this machine, under the control plane's own user. Nothing keeps what
 * runs in one from anything that this user can do, and no limit of memory, CPU, processes or disk is held. Owns: their
 * folders, processes and sockets, all found again from disk. Must not know: agents' states, the database, what is said to a
 * bridge.
 */
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, systemClock } from '../../../clock.ts'
import { BerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { assertAgentVariables } from '../agent-variables.ts'
import type { ProgramEntries } from '../bundle-programs.ts'
import { dialSocket } from '../dial-socket.ts'
import { createOrder } from '../order.ts'
import type { SandboxDriver } from '../port.ts'
import { readProgram } from './keeper.ts'
import { runFiles, sandboxFolder } from './layout.ts'
import { createLifecycle } from './lifecycle.ts'
import { readLogTail } from './log-tail.ts'
import { probeMachine } from './probe-machine.ts'
import { ensurePrograms, removeOldPrograms } from './programs.ts'
import { askRegistryHosts } from './registries.ts'
import { getRecord, listSandboxes } from './sandboxes.ts'
import { removeVolumes } from './volumes.ts'
import { watchSandboxes } from './watch-sandboxes.ts'

export interface ProcessDriverOptions {
  /** Absolute; made with mode 0700 where it is missing. Everything that is kept lies in it. */
  root: string
  /** The project's folder, whose sources are bundled. */
  project: string
  /** What takes an image's place: the names that `create` knows, and which programs each stands for. */
  images: Record<string, ProgramEntries>
  /** What sandboxes are given of this machine's variables, and all that they are given: no keys. */
  machine: Record<string, string>
  /** A PEM file of more certificates to trust. */
  extraCaFile: string | null
  logger: Logger
  clock?: Clock
}

/** Folders of an agent cannot be taken for it: no id begins so. */
const PROGRAMS = 'programs of the installation'

export function createProcessDriver(options: ProcessDriverOptions): SandboxDriver {
  const { root, project, images, machine, extraCaFile, logger, clock = systemClock } = options
  const inOrder = createOrder()
  const listeners = new Set<() => void>()
  const watches = new Set<() => Promise<void>>()
  const onChange = () => {
    for (const listener of listeners) listener()
  }
  const lifecycle = createLifecycle({ root, machine, hasExtraCa: extraCaFile !== null, clock, logger, onChange })
  const programs = new Map<string, string>()
  let registries: Promise<string[]> | null = null

  const getEntries = (image: string): ProgramEntries => {
    const entries = Object.hasOwn(images, image) ? images[image] : undefined
    if (entries !== undefined) return entries
    const known = Object.keys(images).join(', ')
    throw new BerthError('image_missing', `Sandboxes are processes of this machine, so there is no image ${image}.`, {
      hint: `They run ${known}; leave BERTH_AGENT_IMAGE out, or use the Docker driver with another BERTH_DATA_DIR.`,
    })
  }
  const getPrograms = (image: string) =>
    inOrder(PROGRAMS, async () => {
      const entries = getEntries(image)
      const made = programs.get(image)
      if (made !== undefined) return made
      await mkdir(root, { recursive: true, mode: 0o700 })
      const folder = await ensurePrograms(entries, { root, project, extraCaFile })
      programs.set(image, folder)
      return folder
    })
  const getRegistries = () => {
    registries ??= askRegistryHosts(machine, logger).catch((error: unknown) => {
      // Asked again the next time.
      registries = null
      throw error
    })
    return registries
  }

  return {
    kind: 'process',
    isolated: false,
    probe: () => probeMachine(machine.PATH ?? ''),

    prepare: async (image) => {
      await Promise.all([getPrograms(image), getRegistries()])
      await inOrder(PROGRAMS, () => removeOldPrograms(root, [...programs.values()]))
    },
    assertImage: async (image) => {
      getEntries(image)
    },
    defaultEgressHosts: async (image) => {
      getEntries(image)
      return getRegistries()
    },

    create: (spec, signal) =>
      inOrder(spec.agentId, async () => {
        signal?.throwIfAborted()
        assertAgentVariables(spec.agentEnv)
        return lifecycle.create(spec, { programs: await getPrograms(spec.image), signal })
      }),
    start: (labels) => inOrder(labels.agentId, () => lifecycle.start(labels)),
    stop: (labels) => inOrder(labels.agentId, () => lifecycle.stop(labels)),
    remove: (labels) => inOrder(labels.agentId, () => lifecycle.remove(labels)),
    removeVolumes: (owner) => inOrder(owner.agentId, () => removeVolumes(root, owner)),
    ensureRunner: (labels) => inOrder(labels.agentId, () => lifecycle.ensureRunner(labels)),

    list: (filter) => listSandboxes(root, filter),
    dial: async (labels) => {
      const { runFolder } = await getRecord(root, labels)
      return dialSocket(runFiles(runFolder).bridgeSocket, process.getuid?.() ?? 0)
    },
    logs: async (labels, lines) => {
      await getRecord(root, labels)
      return readLogTail(sandboxFolder(root, labels).log.bridge, lines)
    },

    watch: async (installationId, onEnd, minds = () => true) => {
      const stopWatching = await watchSandboxes({
        list: () => listSandboxes(root, { installationId }),
        onEnd,
        isExpected: lifecycle.isExpected,
        endLeftovers: (sandbox) => inOrder(sandbox.agentId, () => lifecycle.endLeftovers(sandbox)),
        hasRunner: (sandbox) => readProgram(sandboxFolder(root, sandbox).folder, 'runner').state === 'running',
        minds,
        ensureRunner: (sandbox) => inOrder(sandbox.agentId, () => lifecycle.ensureRunner(sandbox)),
        onNews: (look) => {
          listeners.add(look)
          return () => listeners.delete(look)
        },
        logger,
        clock,
      })
      watches.add(stopWatching)
      return () => {
        watches.delete(stopWatching)
        stopWatching().catch((error: unknown) => logger.error('a watch of the sandboxes ended badly', { error }))
      }
    },

    close: async () => {
      await Promise.all([...watches].map((stopWatching) => stopWatching()))
      watches.clear()
    },
  }
}

/** The programs of the project itself. */
export function projectEntries(project: string): ProgramEntries {
  return {
    bridge: path.join(project, 'container/bridge/main.ts'),
    runner: path.join(project, 'container/runner/main.ts'),
  }
}
