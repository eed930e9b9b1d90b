/**
 * Watches an installation's sandboxes: says which ended by themselves, ends what such a one left running, and gives a running
 * one its runner back. Looks when there is news of this process's own children, and from time to time for all others.
 */
import type { Clock } from '../../../clock.ts'
import { isBerthError } from '../../../errors.ts'
import type { Logger } from '../../../logger.ts'
import type { Sandbox } from '../port.ts'

const LOOK_EVERY_MS = 1_000
/** A runner that dies again sooner than `calmMs` is started again later each time. */
const RUNNER_AGAIN_MS = { first: 100, longest: 30_000, calmMs: 10_000 }

export interface Watch {
  list(): Promise<Sandbox[]>
  onEnd(sandbox: Sandbox): void
  /** True for what this process stopped or removed itself. */
  isExpected(incarnation: string): boolean
  endLeftovers(sandbox: Sandbox): Promise<void>
  hasRunner(sandbox: Sandbox): boolean
  /** Whose runner is given back from here. */
  minds(agentId: string): boolean
  ensureRunner(sandbox: Sandbox): Promise<void>
  /** Calls back when something may have changed. Answers the way to stop that. */
  onNews(look: () => void): () => void
  logger: Logger
  clock: Clock
}

/** Resolves after the first look. The answer stops the watch and resolves when nothing of it runs any more. */
export async function watchSandboxes(watch: Watch): Promise<() => Promise<void>> {
  const stop = new AbortController()
  const watcher = new SandboxWatcher(watch, stop.signal)
  await watcher.look()
  const ended = watcher.run()
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
  readonly #runnerStarts = new Map<string, { atMs: number; delayMs: number }>()
  /** Sandboxes that are just given their runner back. */
  readonly #giving = new Set<string>()
  readonly #pending = new Set<Promise<void>>()

  constructor(watch: Watch, signal: AbortSignal) {
    this.#watch = watch
    this.#signal = signal
  }

  async run(): Promise<void> {
    let hasNews = false
    let wake = () => {}
    const stopHearing = this.#watch.onNews(() => {
      hasNews = true
      wake()
    })
    while (!this.#signal.aborted) {
      const news = new AbortController()
      wake = () => news.abort()
      if (!hasNews) await this.#pause(LOOK_EVERY_MS, news.signal)
      hasNews = false
      try {
        if (!this.#signal.aborted) await this.look()
      } catch (error) {
        this.#watch.logger.warn('the sandboxes cannot be looked at; trying again', { error })
      }
    }
    stopHearing()
    await Promise.all(this.#pending)
  }

  async look(): Promise<void> {
    const now = await this.#watch.list()
    const before = this.#running
    this.#running = new Map(
      now.filter(({ state }) => state === 'running').map((sandbox) => [sandbox.engineId, sandbox]),
    )
    for (const sandbox of now) {
      const isRunning = sandbox.state === 'running'
      if (this.#watch.hasRunner(sandbox) === isRunning) continue
      if (isRunning) this.#giveRunner(sandbox)
      // It ended while nobody watched.
      else if (!before.has(sandbox.engineId)) this.#inBackground(this.#endLeftovers(sandbox))
    }
    for (const [engineId, sandbox] of before) {
      if (this.#running.has(engineId)) continue
      this.#runnerStarts.delete(engineId)
      if (this.#watch.isExpected(sandbox.incarnation)) continue
      this.#report(now.find((other) => other.engineId === engineId) ?? { ...sandbox, state: 'stopped' })
    }
  }

  #report(sandbox: Sandbox) {
    this.#inBackground(
      this.#endLeftovers(sandbox).then(() => {
        if (!this.#signal.aborted) this.#watch.onEnd(sandbox)
      }),
    )
  }

  async #endLeftovers(sandbox: Sandbox): Promise<void> {
    try {
      await this.#watch.endLeftovers(sandbox)
    } catch (error) {
      this.#watch.logger.warn('what an ended sandbox left could not be ended', { agentId: sandbox.agentId, error })
    }
  }

  /** A runner that keeps dying must not hold up the news of others. */
  #giveRunner(sandbox: Sandbox) {
    if (!this.#watch.minds(sandbox.agentId) || this.#giving.has(sandbox.engineId)) return
    this.#giving.add(sandbox.engineId)
    const work = this.#giveRunnerLater(sandbox)
      .catch((error: unknown) => {
        // The sandbox went meanwhile, and needs no runner.
        if (this.#signal.aborted || (isBerthError(error) && error.code === 'sandbox_lost')) return
        this.#watch.logger.warn('a runner could not be started again', { agentId: sandbox.agentId, error })
      })
      .finally(() => this.#giving.delete(sandbox.engineId))
    this.#inBackground(work)
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

  #inBackground(work: Promise<void>) {
    this.#pending.add(work)
    work.finally(() => this.#pending.delete(work))
  }

  async #pause(ms: number, news: AbortSignal): Promise<void> {
    try {
      await this.#watch.clock.sleep(ms, AbortSignal.any([this.#signal, news]))
    } catch (error) {
      if (!this.#signal.aborted && !news.aborted) throw error
    }
  }
}
