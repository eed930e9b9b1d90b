/**
 * Watches an installation's sandboxes through the engine's event stream: says which ended by themselves, and gives a running
 * one its runner back. Survives restarts of the engine: what was missed is found by comparing lists.
 */
import type { Clock } from '../../../clock.ts'
import { isBerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Sandbox } from '../port.ts'
import { RUNNER_PROGRAM } from './container-config.ts'
import type { ContainerEngine, EngineEvent } from './engine/engine.ts'
import { LABEL, readContainerLabels } from './labels.ts'
import { listSandboxes, toSandbox } from './sandboxes.ts'

const ACTIONS = ['start', 'die', 'destroy', 'exec_die']
const RECONNECT_MS = { first: 250, longest: 10_000 }
/** A runner that dies again sooner than `calmMs` is started again later each time. */
const RUNNER_AGAIN_MS = { first: 100, longest: 30_000, calmMs: 10_000 }

export interface Watch {
  engine: ContainerEngine
  installationId: string
  onEnd(sandbox: Sandbox): void
  /** True for what this process stopped or removed itself. */
  isExpected(engineId: string): boolean
  onDestroyed(engineId: string): void
  /** Whose runner is given back from here. */
  minds(agentId: string): boolean
  ensureRunner(sandbox: Sandbox): Promise<void>
  logger: Logger
  clock: Clock
}

/** Resolves when the first attempt to listen was made. The answer stops the watch and resolves when nothing of it runs any more. */
export async function watchSandboxes(watch: Watch): Promise<() => Promise<void>> {
  const stop = new AbortController()
  const watcher = new SandboxWatcher(watch, stop.signal)
  let ended: Promise<void> = Promise.resolve()
  await new Promise<void>((onFirstAttempt) => {
    ended = watcher.run(onFirstAttempt)
  })
  return async () => {
    stop.abort()
    await ended
  }
}

class SandboxWatcher {
  readonly #watch: Watch
  readonly #signal: AbortSignal
  /** What ran when last looked, by engine id. */
  #running = new Map<string, Sandbox>()
  /** Whose end was told and who did not start again since. */
  readonly #reported = new Set<string>()
  readonly #runnerStarts = new Map<string, { atMs: number; delayMs: number }>()
  readonly #pending = new Set<Promise<void>>()

  constructor(watch: Watch, signal: AbortSignal) {
    this.#watch = watch
    this.#signal = signal
  }

  async run(onFirstAttempt: () => void): Promise<void> {
    let delayMs = RECONNECT_MS.first
    let isAway = false
    while (!this.#signal.aborted) {
      try {
        const events = await this.#listen()
        delayMs = RECONNECT_MS.first
        isAway = false
        onFirstAttempt()
        for await (const event of events) await this.#take(event)
      } catch (error) {
        if (this.#signal.aborted) break
        // Said once while it is away: an engine may stay away for good.
        const level = isAway ? 'debug' : 'warn'
        this.#watch.logger[level]('the engine cannot be watched; trying again', { error, delayMs })
        isAway = true
        onFirstAttempt()
      }
      await this.#pause(delayMs)
      delayMs = Math.min(delayMs * 2, RECONNECT_MS.longest)
    }
    await Promise.all(this.#pending)
  }

  /** Listens first and looks then, so that nothing falls between. */
  async #listen(): Promise<AsyncIterable<EngineEvent>> {
    const { engine, installationId } = this.#watch
    const events = await engine.events({
      labels: [`${LABEL.installation}=${installationId}`],
      actions: ACTIONS,
      signal: this.#signal,
    })
    const now = await listSandboxes(engine, { installationId })
    const before = this.#running
    this.#running = new Map(
      now.filter(({ state }) => state === 'running').map((sandbox) => [sandbox.engineId, sandbox]),
    )
    for (const sandbox of this.#running.values()) this.#giveRunner(sandbox)
    for (const [engineId, sandbox] of before) {
      if (this.#running.has(engineId)) continue
      this.#report(now.find((other) => other.engineId === engineId) ?? { ...sandbox, state: 'stopped' })
    }
    return events
  }

  async #take(event: EngineEvent): Promise<void> {
    const { containerId } = event
    if (event.action === 'destroy') {
      this.#runnerStarts.delete(containerId)
      this.#reported.delete(containerId)
      this.#watch.onDestroyed(containerId)
      return
    }
    const container = await this.#watch.engine.findContainer(containerId)
    const sandbox = container === null ? null : toSandbox(container)
    if (event.action === 'die') {
      if (sandbox?.state === 'running') return
      this.#running.delete(containerId)
      const ended = sandbox ?? toEndedSandbox(event)
      if (ended !== null) this.#report(ended)
    } else if (sandbox?.state === 'running') {
      this.#running.set(containerId, sandbox)
      if (event.action === 'start') this.#reported.delete(containerId)
      if (event.action === 'exec_die' && (await this.#wasRunner(event))) this.#giveRunner(sandbox)
    }
  }

  /** Other processes come and go in a container: relays, above all. One that nobody knows any more may have been the runner. */
  async #wasRunner({ attributes }: EngineEvent): Promise<boolean> {
    const exec = attributes.execID === undefined ? null : await this.#watch.engine.findExec(attributes.execID)
    return exec === null || exec.command.includes(RUNNER_PROGRAM)
  }

  #report(sandbox: Sandbox) {
    if (this.#reported.has(sandbox.engineId)) return
    this.#reported.add(sandbox.engineId)
    if (!this.#watch.isExpected(sandbox.engineId)) this.#watch.onEnd(sandbox)
  }

  /** In the background: a runner that keeps dying must not hold up the news of others. */
  #giveRunner(sandbox: Sandbox) {
    if (!this.#watch.minds(sandbox.agentId)) return
    const work = this.#giveRunnerLater(sandbox).catch((error) => {
      // The container went meanwhile, and needs no runner.
      if (this.#signal.aborted || (isBerthError(error) && error.code === 'sandbox_lost')) return
      this.#watch.logger.warn('a runner could not be started again', { agentId: sandbox.agentId, error })
    })
    this.#pending.add(work)
    work.finally(() => this.#pending.delete(work))
  }

  async #giveRunnerLater(sandbox: Sandbox): Promise<void> {
    const { clock, ensureRunner } = this.#watch
    const last = this.#runnerStarts.get(sandbox.engineId)
    const nowMs = clock.monotonicMs()
    const calm = last === undefined || nowMs - last.atMs > RUNNER_AGAIN_MS.calmMs + last.delayMs
    const delayMs = calm ? 0 : Math.min(Math.max(last.delayMs * 2, RUNNER_AGAIN_MS.first), RUNNER_AGAIN_MS.longest)
    this.#runnerStarts.set(sandbox.engineId, { atMs: nowMs, delayMs })
    if (delayMs > 0) await clock.sleep(delayMs, this.#signal)
    // It may have ended meanwhile; its end is reported for itself.
    if (this.#running.has(sandbox.engineId)) await ensureRunner(sandbox)
  }

  async #pause(ms: number): Promise<void> {
    try {
      await this.#watch.clock.sleep(ms, this.#signal)
    } catch (error) {
      if (!this.#signal.aborted) throw error
    }
  }
}

/** For a container that is gone already: the event carries its labels. */
function toEndedSandbox({ containerId, attributes }: EngineEvent): Sandbox | null {
  const labels = readContainerLabels(attributes)
  if (labels === null) return null
  const exitCode = attributes.exitCode === undefined ? null : Number(attributes.exitCode)
  return { ...labels, engineId: containerId, state: 'stopped', outOfMemory: false, exitCode }
}
