/**
 * The runner's process in a container: one, started by exec as the agent's user, found again by what the engine says
 * runs there. Its life does not hang on this process; only its first words are listened to.
 */
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { BerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import { RUNNER_PROGRAM, runnerCommand } from './container-config.ts'
import { type ContainerEngine, isRefusal } from './engine/engine.ts'

/** A command can write to the runner's standard error too: what is logged of it is bounded. */
const MAX_LOGGED_BYTES = 64 * 1024
const EXEC_DEADLINE_MS = 15_000
const EXEC_POLL_MS = 20

export interface Runners {
  /** Starts the runner if none runs. Calls at the same time start one. Throws `sandbox_lost` when the container does not run. */
  ensure(containerId: string, agentId: string): Promise<void>
  /** What the runner of this container said since it was started from here. */
  words(containerId: string): string[]
  forget(containerId: string): void
  close(): void
}

export function createRunners(engine: ContainerEngine, logger: Logger): Runners {
  const starting = new Map<string, Promise<void>>()
  const outputs = new Map<string, { stream: Readable; text: string }>()

  const listen = (containerId: string, agentId: string, stream: Readable) => {
    outputs.get(containerId)?.stream.destroy()
    const output = { stream, text: '' }
    outputs.set(containerId, output)
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      output.text += chunk
      for (const line of chunk.split('\n'))
        if (line !== '') logger.info('runner', { agentId, line: line.slice(0, 1_000) })
      // The engine goes on reading what the runner writes.
      if (output.text.length > MAX_LOGGED_BYTES) stream.destroy()
    })
    stream.on('error', (error) => logger.debug('stopped listening to a runner', { agentId, error }))
  }

  const start = async (containerId: string, agentId: string) => {
    if (await isRunnerThere(engine, containerId, agentId)) return
    const { execId, output } = await execRunner(engine, containerId, agentId)
    listen(containerId, agentId, output)
    const { running, exitCode } = await waitForExec(engine, execId)
    if (!running) {
      throw new BerthError('start_failed', `The runner of agent ${agentId} ended at once with exit code ${exitCode}.`, {
        hint: 'Its last words are in the log. An image that is not up to date is made anew by `npm run build-container`.',
      })
    }
  }

  const forget = (containerId: string) => {
    outputs.get(containerId)?.stream.destroy()
    outputs.delete(containerId)
  }

  return {
    ensure: (containerId, agentId) => {
      const inFlight = starting.get(containerId)
      if (inFlight !== undefined) return inFlight
      const started = start(containerId, agentId).finally(() => starting.delete(containerId))
      starting.set(containerId, started)
      return started
    },
    words: (containerId) => (outputs.get(containerId)?.text ?? '').split('\n').filter((line) => line !== ''),
    forget,
    close: () => {
      for (const containerId of [...outputs.keys()]) forget(containerId)
    },
  }
}

async function isRunnerThere(engine: ContainerEngine, containerId: string, agentId: string): Promise<boolean> {
  const container = await engine.findContainer(containerId)
  if (container?.running !== true) throw notRunning(agentId)
  const execs = await Promise.all(container.execIds.map((execId) => engine.findExec(execId)))
  return execs.some((exec) => exec?.running === true && exec.command.includes(RUNNER_PROGRAM))
}

async function execRunner(engine: ContainerEngine, containerId: string, agentId: string) {
  try {
    return await engine.exec(containerId, runnerCommand)
  } catch (error) {
    if (isRefusal(error, 404) || isRefusal(error, 409)) throw notRunning(agentId, error)
    throw error
  }
}

/** The engine answers before the process is there: it may say that it runs, and then that it could not be started. */
async function waitForExec(
  engine: ContainerEngine,
  execId: string,
): Promise<{ running: boolean; exitCode: number | null }> {
  const deadline = performance.now() + EXEC_DEADLINE_MS
  for (;;) {
    const exec = await engine.findExec(execId)
    // A container that ended takes its processes' records with it.
    if (exec === null) return { running: false, exitCode: null }
    if ((exec.running && exec.started) || exec.exitCode !== null || performance.now() > deadline) return exec
    await setTimeout(EXEC_POLL_MS)
  }
}

function notRunning(agentId: string, cause?: unknown): BerthError {
  return new BerthError('sandbox_lost', `The container of agent ${agentId} does not run, so it has no runner.`, {
    hint: 'Its log says why it ended. Starting the agent starts it again.',
    cause,
  })
}
