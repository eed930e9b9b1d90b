/** One agent of a bench, from outside: through the public API, with times by the machine's clock. */
import type { RunView } from '../../lib/services/agent/schemas.ts'
import { type BerthApi, createBerthApi } from '../demo/api-client.ts'
import type { Installation } from '../demo/installation.ts'
import { machineMs } from '../machine-ms.ts'
import type { CallTiming, StandIns } from './stand-ins.ts'
import { type Play, writeTask } from './task.ts'
import { type AgentWatch, watchAgent } from './watch-agent.ts'

export interface Rig {
  installation: Installation
  api: BerthApi
  standIns: StandIns
  repository: string
  signal: AbortSignal
  /** What goes on, for a person who waits. */
  say(line: string): void
}

export interface BenchAgent {
  id: string
  watch: AgentWatch
  /** When the request was sent. */
  start(): Promise<number>
  resume(): Promise<number>
  cancel(): Promise<number>
  /** Resolves when the agent waits for an instruction and its last run has ended. */
  untilReady(): Promise<void>
  /** The model's calls since the last time this was asked. */
  calls(): Promise<CallTiming[]>
}

/** More than any bench plays. */
const MAX_STEPS = 2_000
const POLL_MS = 100

/** Makes an agent for `play`, gives it to `use`, and purges it whatever happens. `watched`: its event stream is read. */
export async function withAgent<T>(
  rig: Rig,
  options: { play: Play; watched: boolean },
  use: (agent: BenchAgent) => Promise<T>,
): Promise<T> {
  const { api, standIns, repository, signal } = rig
  signal.throwIfAborted()
  const task = writeTask(options.play)
  const limits = { maxSteps: MAX_STEPS, maxTokens: null, maxCostUsd: null, maxCostUsdTotal: null }
  const { id } = await api.createAgent({ task, githubRepo: repository, limits, autoPullRequest: false })
  const watch = options.watched ? watchAgent({ api, agentId: id, signal }) : neverWatched
  try {
    return await use({
      id,
      watch,
      start: () => timed(() => api.startAgent(id)),
      resume: () => timed(() => api.resumeAgent(id, 'Go on.')),
      cancel: () => timed(() => api.cancelAgent(id)),
      untilReady: () => untilReady(rig, id),
      calls: () => standIns.calls(task),
    })
  } finally {
    await watch.close()
    await api.deleteAgent(id, { purge: true })
  }
}

const neverWatched: AgentWatch = {
  forget: () => {},
  until: () => Promise.reject(new Error('This agent is not watched.')),
  close: () => Promise.resolve(),
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const sentAtMs = machineMs()
  await call()
  return sentAtMs
}

async function untilReady({ api, installation, signal }: Rig, id: string): Promise<void> {
  for (;;) {
    const { status, statusDetail, run } = await api.getAgent(id)
    if (status === 'READY' && run?.status === 'ENDED') return assertEndedWell(run)
    if (status === 'FAILED') throw new Error(`The agent failed: ${statusDetail?.message ?? 'without a reason'}`)
    await installation.parts.clock.sleep(POLL_MS, signal)
  }
}

function assertEndedWell({ reason, summary }: RunView): void {
  if (reason === 'completed' || reason === 'cancelled') return
  throw new Error(`The run ended with ${reason}: ${summary ?? ''}`)
}

export function openApi({ url, token }: Installation): BerthApi {
  return createBerthApi({ baseUrl: url, token })
}
