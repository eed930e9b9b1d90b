/**
 * Making, starting, stopping and removing process sandboxes. Knows which ends were wanted, so that a watch can tell. Its calls
 * are made one after another for an agent; a sandbox that was killed half-way, with the control plane or without, is put
 * right by the next of them.
 */
import { mkdir } from 'node:fs/promises'
import type { Clock } from '../../../clock.ts'
import { BerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { sendSignal } from '../../../process-table.ts'
import type { Sandbox, SandboxLabels, SandboxSpec } from '../port.ts'
import { LOG_TAIL_LINES, toStartFailure } from '../start-failure.ts'
import { endCommands, endFamily } from './family.ts'
import { type KnownProcess, readProgram } from './keeper.ts'
import { runFolder, type SandboxFolder, sandboxFolder } from './layout.ts'
import { readLogTail } from './log-tail.ts'
import { findRecord, listIncarnations, type SandboxRecord, writeRecord } from './record.ts'
import { removeTree } from './remove-tree.ts'
import { prepareRunFolder } from './run-folder.ts'
import { getRecord, toSandbox } from './sandboxes.ts'
import { type ProgramStart, startPrograms, startRunner } from './start-programs.ts'
import { ensureVolumes, removeEmptyFolders } from './volumes.ts'

/** The bridge closes its journal and goes; after that it is killed. */
const STOP_GRACE_MS = 10_000
const STOP_POLL_MS = 10

export interface LifecycleParts {
  root: string
  /** Variables of the machine that its programs are given. */
  machine: Record<string, string>
  hasExtraCa: boolean
  clock: Clock
  logger: Logger
  /** Something may have ended. */
  onChange(): void
}

export interface Lifecycle {
  /** `programs`: the folder of what it runs. */
  create(spec: SandboxSpec, from: { programs: string; signal?: AbortSignal | undefined }): Promise<Sandbox>
  start(labels: SandboxLabels): Promise<Sandbox>
  stop(labels: SandboxLabels): Promise<void>
  remove(labels: SandboxLabels): Promise<void>
  ensureRunner(labels: SandboxLabels): Promise<void>
  /** Ends what a sandbox that has ended by itself left running. */
  endLeftovers(labels: SandboxLabels): Promise<void>
  /** True for a sandbox that was stopped or removed from here. */
  isExpected(incarnation: string): boolean
}

export function createLifecycle(parts: LifecycleParts): Lifecycle {
  const { root, clock, logger } = parts
  const expected = new Set<string>()

  const startOf = (record: SandboxRecord, signal?: AbortSignal): ProgramStart => ({
    machine: parts.machine,
    hasExtraCa: parts.hasExtraCa,
    record,
    files: sandboxFolder(root, record),
    onEnd: parts.onChange,
    clock,
    signal,
  })

  /** From whatever state it was left in; of a start that fails nothing runs on. */
  const run = async (record: SandboxRecord, signal?: AbortSignal) => {
    expected.delete(record.incarnation)
    await endAll(record)
    await prepareRunFolder(record.runFolder)
    try {
      await startPrograms(startOf(record, signal))
    } catch (error) {
      await endAll(record)
      throw error
    }
    parts.onChange()
  }

  const endAll = ({ installationId, agentId, incarnation }: SandboxLabels) => {
    const { folder } = sandboxFolder(root, { installationId, agentId, incarnation })
    return endFamily({ incarnation, runner: processOf(folder, 'runner') }, clock)
  }

  const remove = async (labels: SandboxLabels) => {
    expected.add(labels.incarnation)
    const record = await findRecord(root, labels)
    await endAll(labels)
    await removeTree(record?.runFolder ?? runFolder(labels.incarnation))
    await removeTree(sandboxFolder(root, labels).folder)
    await removeEmptyFolders(root, labels)
  }

  const failure = async (error: unknown, files: SandboxFolder, agentId: string) => {
    const [bridge, runner] = await Promise.all(
      [files.log.bridge, files.log.runner].map((log) => readLogTail(log, LOG_TAIL_LINES)),
    )
    const logTail = [...(bridge ?? []), ...(runner ?? []).map((line) => `runner: ${line}`)].slice(-LOG_TAIL_LINES)
    return toStartFailure(agentId, { error, logTail })
  }

  const lifecycle: Lifecycle = {
    create: async (spec, { programs, signal }) => {
      const { installationId, agentId, incarnation } = spec
      const owner = { installationId, agentId }
      for (const other of await listIncarnations(root, owner)) {
        if (other === incarnation && (await findRecord(root, spec)) !== null) return lifecycle.start(spec)
        logger.warn('removing an earlier sandbox of the agent', { agentId, incarnation: other })
        await remove({ ...owner, incarnation: other })
      }
      signal?.throwIfAborted()
      const files = sandboxFolder(root, spec)
      const made: string[] = []
      try {
        await ensureVolumes(root, { owner, made })
        await mkdir(files.folder, { recursive: true, mode: 0o700 })
        const { bridgeTokenSha256, agentEnv } = spec
        const record = {
          ...owner,
          incarnation,
          programs,
          runFolder: runFolder(incarnation),
          bridgeTokenSha256,
          agentEnv,
        }
        await writeRecord(root, record)
        await run(record, signal)
        return toSandbox(root, record)
      } catch (error) {
        const reason = await failure(error, files, agentId)
        await undo(spec, made).catch((cause: unknown) =>
          logger.error('a failed start could not be cleaned up', { agentId, error: cause }),
        )
        signal?.throwIfAborted()
        throw reason
      }
    },

    start: async (labels) => {
      const record = await getRecord(root, labels)
      try {
        if (toSandbox(root, record).state === 'stopped') await run(record)
        else await giveRunner(record)
        return toSandbox(root, record)
      } catch (error) {
        throw await failure(error, sandboxFolder(root, record), record.agentId)
      }
    },

    stop: async (labels) => {
      const record = await findRecord(root, labels)
      if (record === null) return
      expected.add(record.incarnation)
      const { folder } = sandboxFolder(root, record)
      const bridge = processOf(folder, 'bridge')
      if (bridge !== null && readProgram(folder, 'bridge').state === 'running') sendSignal(bridge.pid, 'SIGTERM')
      const deadline = clock.monotonicMs() + STOP_GRACE_MS
      while (readProgram(folder, 'bridge').state === 'running' && clock.monotonicMs() < deadline) {
        await clock.sleep(STOP_POLL_MS)
      }
      await endAll(record)
      await removeTree(record.runFolder)
    },

    remove,

    ensureRunner: async (labels) => giveRunner(await getRecord(root, labels)),
    endLeftovers: async (labels) => {
      const record = await findRecord(root, labels)
      if (record === null || toSandbox(root, record).state === 'stopped') await endAll(labels)
    },
    isExpected: (incarnation) => expected.has(incarnation),
  }
  return lifecycle

  async function giveRunner(record: SandboxRecord): Promise<void> {
    if (toSandbox(root, record).state === 'stopped') {
      throw new BerthError(
        'sandbox_lost',
        `The sandbox of agent ${record.agentId} does not run, so it has no runner.`,
        {
          hint: 'Its log says why it ended. Starting the agent starts it again.',
        },
      )
    }
    const runner = readProgram(sandboxFolder(root, record).folder, 'runner')
    if (runner.state === 'running') return
    // After that nobody knows any more whose they were.
    if (runner.state === 'ended') await endCommands(runner.program, clock)
    await startRunner(startOf(record))
  }

  /** Everything that this attempt made; folders that were there before stay. */
  async function undo(spec: SandboxSpec, made: string[]): Promise<void> {
    await remove(spec)
    for (const folder of made) await removeTree(folder)
    await removeEmptyFolders(root, spec)
  }
}

/** The process that the program was last, alive or not. */
function processOf(folder: string, name: 'bridge' | 'runner'): KnownProcess | null {
  const found = readProgram(folder, name)
  return found.state === 'absent' ? null : found.program
}
