/** One agent of a bench, from outside: through the public API, with times by the machine's clock. */
import type { AgentStatus } from '../../lib/domain/agent.ts'
import type { AgentView, RunView } from '../../lib/services/agent/schemas.ts'
import { sleepIdleAgents } from '../../lib/services/agent/sleep.ts'
import type { Parts } from '../../lib/services/context.ts'
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
  /** Lets it fall asleep as if its idle time had gone by; it waits for an instruction. */
  fallAsleep(): Promise<void>
  /** Its sandbox, running or stopped, as the engine knows it. */
  engineId(): Promise<string>
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
      fallAsleep: () => fallAsleep(rig, id),
      engineId: () => findEngineId(rig.installation.parts, id),
      calls: () => standIns.calls(task),
    })
  } finally {
    await watch.close()
    await api.deleteAgent(id, { purge: true })
  }
}

/** So many agents for the same play, made one after another. */
export async function withAgents<T>(
  rig: Rig,
  options: { count: number; play: Play },
  use: (agents: BenchAgent[]) => Promise<T>,
): Promise<T> {
  const { count, play } = options
  const add = (agents: BenchAgent[]): Promise<T> =>
    agents.length === count ? use(agents) : withAgent(rig, { play, watched: false }, (agent) => add([...agents, agent]))
  return add([])
}

const neverWatched: AgentWatch = {
  forget: () => {},
  seen: () => [],
  until: () => Promise.reject(new Error('This agent is not watched.')),
  close: () => Promise.resolve(),
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const sentAtMs = machineMs()
  await call()
  return sentAtMs
}

async function untilReady(rig: Rig, id: string): Promise<void> {
  const { run } = await untilStatus(rig, id, 'READY')
  if (run !== null) assertEndedWell(run)
}

async function fallAsleep(rig: Rig, id: string): Promise<void> {
  const { parts } = rig.installation
  await sleepIdleAgents({ ...parts, settings: { ...parts.settings, idleSleepAfterMs: 0 } })
  await untilStatus(rig, id, 'SLEEPING')
}

async function untilStatus({ api, installation, signal }: Rig, id: string, status: AgentStatus): Promise<AgentView> {
  for (;;) {
    const agent = await api.getAgent(id)
    if (agent.status === status && agent.run?.status === 'ENDED') return agent
    if (agent.status === 'FAILED') {
      throw new Error(`The agent failed: ${agent.statusDetail?.message ?? 'without a reason'}`)
    }
    await installation.parts.clock.sleep(POLL_MS, signal)
  }
}

async function findEngineId({ driver, installationId }: Parts, agentId: string): Promise<string> {
  const [sandbox] = await driver.list({ installationId, agentId })
  if (sandbox === undefined) throw new Error(`${agentId} has no sandbox.`)
  return sandbox.engineId
}

function assertEndedWell({ reason, summary }: RunView): void {
  if (reason === 'completed' || reason === 'cancelled') return
  throw new Error(`The run ended with ${reason}: ${summary ?? ''}`)
}

export function openApi({ url, token }: Installation): BerthApi {
  return createBerthApi({ baseUrl: url, token })
}
