/**
 * The two programs of a sandbox: started with their environments, waited for until they are there. A start that fails is an
 * error here; what it leaves is for the caller to end.
 */
import { existsSync } from 'node:fs'
import type { Clock } from '../../../clock.ts'
import { BerthError } from '../../../errors.ts'
import { bridgeEnvironment, type EnvironmentParts, runnerEnvironment } from './environment.ts'
import { type ProgramName, type ProgramState, readProgram, startProgram } from './keeper.ts'
import { runFiles } from './layout.ts'
import { programFiles } from './programs.ts'

/** A machine that is busy takes long to start a Node. */
const LISTEN_DEADLINE_MS = 15_000
const BEGIN_DEADLINE_MS = 5_000
const POLL_MS = 5

export interface ProgramStart extends EnvironmentParts {
  /** A keeper of it has ended: there is news. */
  onEnd(): void
  clock: Clock
  signal?: AbortSignal | undefined
}

/** Both; resolves when the bridge listens. Throws an Error that says which of them did not come up. */
export async function startPrograms(start: ProgramStart): Promise<void> {
  const { record, clock, signal } = start
  const begun = await Promise.allSettled([startBridge(start), startRunner(start)])
  // Not before both have begun or failed: what comes after a failure was undone could not be.
  for (const end of begun) if (end.status === 'rejected') throw end.reason
  const socket = runFiles(record.runFolder).bridgeSocket
  const deadline = clock.monotonicMs() + LISTEN_DEADLINE_MS
  while (!existsSync(socket)) {
    signal?.throwIfAborted()
    const bridge = readProgram(start.files.folder, 'bridge')
    if (bridge.state !== 'running') throw endedAtOnce('bridge', bridge)
    if (clock.monotonicMs() > deadline) throw new Error(`its bridge did not listen within ${LISTEN_DEADLINE_MS} ms.`)
    await clock.sleep(POLL_MS)
  }
}

/** Resolves when it has begun. */
export async function startRunner(start: ProgramStart): Promise<void> {
  const { record, files } = start
  const { node, runner } = programFiles(record.programs)
  await begin(start, {
    name: 'runner',
    command: [node, runner],
    workingDirectory: files.volumes.workspace,
    env: runnerEnvironment(start),
  })
}

async function startBridge(start: ProgramStart): Promise<void> {
  const { record, files } = start
  const { node, bridge } = programFiles(record.programs)
  await begin(start, {
    name: 'bridge',
    command: [node, bridge],
    workingDirectory: files.volumes.state,
    env: bridgeEnvironment(start),
  })
}

interface Beginning {
  name: ProgramName
  command: string[]
  workingDirectory: string
  env: Record<string, string>
}

async function begin({ files, clock, onEnd }: ProgramStart, program: Beginning): Promise<void> {
  const { name } = program
  let keeperEnded = false
  await startProgram({
    ...program,
    folder: files.folder,
    log: files.log[name],
    onEnd() {
      keeperEnded = true
      onEnd()
    },
  })
  const deadline = clock.monotonicMs() + BEGIN_DEADLINE_MS
  for (;;) {
    const found = readProgram(files.folder, name)
    if (found.state === 'running') return
    if (found.state === 'ended' || keeperEnded || clock.monotonicMs() > deadline) throw endedAtOnce(name, found)
    await clock.sleep(POLL_MS)
  }
}

function endedAtOnce(name: ProgramName, found: ProgramState): BerthError {
  const how = found.state === 'ended' && found.exitCode !== null ? ` with exit code ${found.exitCode}` : ''
  return new BerthError('start_failed', `its ${name} ended at once${how}.`, {
    hint: 'Its last words are in the log.',
  })
}
