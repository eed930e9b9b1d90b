/**
 * Brings an agent's sandbox in line with its row, a step at a time: what to do next is asked of the row again after each
 * step (lib/domain/next-step.ts), so a wish that came meanwhile, or a process that died, changes nothing but the answer.
 */

import type { WorkspaceState } from '../../../container/contract/bridge.ts'
import { orAborted } from '../../deadline.ts'
import type { Agent, Divergence, Run, StartStage } from '../../domain/agent.ts'
import { nextStep, type Step } from '../../domain/next-step.ts'
import { isBerthError } from '../../errors.ts'
import type { LogTransaction } from '../../store/stores.ts'
import type { WorkerParts } from '../context.ts'
import { announce, writeAsHolder } from '../event/write.ts'
import { deliver } from '../pull-request/deliver.ts'
import type { SandboxConnection } from '../sandbox/connection.ts'
import { findDivergence } from '../sandbox/divergence.ts'
import { ensureSandbox } from '../sandbox/ensure.ts'
import { afterFailure, countLoss, mayContinue } from './after-failure.ts'
import { ensureClone, ensureSetup, executeRun, showStage } from './begin-run.ts'
import { endOpenRun, setStatus } from './end-run.ts'
import { openRunFromQueue } from './open-run.ts'
import { removeContainers, takeDown } from './take-down.ts'

/** More steps than any path has: a defect must not spin. */
const MAX_STEPS = 24

export interface Convergence {
  parts: WorkerParts
  agentId: string
  /** Aborts what can be given up: a wish came that makes it needless. */
  signal: AbortSignal
  connection(): SandboxConnection | null
  setConnection(connection: SandboxConnection | null): void
  onRunEnded: () => void
}

/** `later`: something outside is away (the engine, say); what there is to do is still to be done. */
export async function converge(work: Convergence): Promise<'done' | 'later'> {
  const { parts, agentId } = work
  let isReplaced = false
  for (let count = 0; count < MAX_STEPS; count += 1) {
    const [agent, run] = await Promise.all([parts.stores.agents.find(agentId), parts.stores.runs.findOpen(agentId)])
    if (!agent) return 'done'
    const connection = work.connection()
    const waiting = run ? await parts.stores.queue.lastPosition(agentId) : 0
    const unsaid = waiting > (connection?.told ?? 0)
    const step = nextStep({ agent, openRun: run, connected: connection !== null, unsaid })
    if (step === 'rest') return 'done'
    const fence = await parts.holdings.acquire(agentId)
    if (fence === null) {
      announce(parts, { kind: 'wake', agentId })
      return 'done'
    }
    const connected = connection !== null
    try {
      await takeStep({ work, step, agent, run, fence })
    } catch (error) {
      const outcome = await afterFailure({ work, step, agent, run, fence, connected, isReplaced, error })
      if (outcome === 'done' || outcome === 'later') return outcome
      isReplaced ||= outcome === 'anew'
    }
  }
  parts.logger.error('an agent did not come to rest', { agentId })
  return 'later'
}

interface StepInput {
  work: Convergence
  step: Step
  agent: Agent
  run: Run | null
  /** Of the lease. */
  fence: number
}

async function takeStep({ work, step, agent, run, fence }: StepInput): Promise<void> {
  if (step === 'purge' || step === 'take_down') return await takeDown({ work, agent, run, purge: step === 'purge' })
  if (step === 'end_pending') return await endPending({ work, agent })
  if (step === 'begin' && run) return await begin({ work, agent, run, fence })
  if (step === 'attach') return await attach({ work, agent, run, fence })
  if (step === 'cancel' && run) return await cancel({ work, agent, run })
  if (step === 'attend' && run) return await attend({ work, agent, run })
  if (step === 'sleep') return await fallAsleep({ work, agent })
  if (step === 'deliver') return await deliverEnded({ work, agent, run, fence })
  if (step === 'deliver_asked') return await deliverAsked({ work, agent })
}

/** A person waits for the pull request. */
async function deliverAsked({ work, agent }: { work: Convergence; agent: Agent }): Promise<void> {
  const { parts, signal } = work
  const connection = work.connection()
  const run = await parts.stores.runs.findLatest(agent.id)
  if (connection && run) await deliver({ parts, agent, run, connection, asked: true, isFinal: true, signal })
}

/** The work of the run that has ended leaves, and what is in the workspace then is put on record. */
async function deliverEnded({ work, agent, run, fence }: ConnectInput): Promise<void> {
  const { parts, signal } = work
  const connection = work.connection() ?? (await connect({ work, agent, run, fence }))
  await orAborted(connection.catchUp(), signal)
  const ended = agent.undeliveredRunId === null ? null : await parts.stores.runs.find(agent.undeliveredRunId)
  if (ended) {
    const isFinal = !mayContinue(ended)
    await deliver({ parts, agent, run: ended, connection, asked: false, isFinal, signal })
  }
  const workspace = await lookAtWorkspace(parts, connection, signal)
  await writeAsHolder(parts, agent.id, async (tx) => {
    if (tx.agent.desired === 'stopped' || tx.agent.desired === 'purged') return
    // A clone that is gone stays on record: the next run asks about it.
    const isLost = tx.agent.workspace?.cloned === true && workspace?.cloned === false
    const isKnown = workspace !== null && !isLost
    tx.update({ undeliveredRunId: null, activeAt: parts.clock.now(), ...(isKnown && { workspace }) })
    if (await tx.openRun()) return
    // What was said as the run came to its end is answered, not kept waiting for the next instruction.
    if (ended?.reason === 'completed' && (await openRunFromQueue(parts, tx))) return
    if (tx.agent.status !== 'READY') setStatus(tx, 'READY')
  })
}

/** Null where git could not be asked: what was recorded last is all that is known, and the work has left already. */
async function lookAtWorkspace(
  { logger }: Pick<WorkerParts, 'logger'>,
  { client, incarnation }: SandboxConnection,
  signal: AbortSignal,
): Promise<WorkspaceState | null> {
  try {
    return await client.workspaceState(signal)
  } catch (error) {
    if (!isBerthError(error) || error.code !== 'upstream_failed') throw error
    logger.warn('the workspace could not be looked at after its run', { incarnation, error })
    return null
  }
}

/**
 * A run that was cancelled before its bridge had it. Without a connection nobody knows what its container is worth: it goes, unless
 * the work of the run before is still to leave it.
 */
async function endPending({ work, agent }: { work: Convergence; agent: Agent }): Promise<void> {
  const { parts } = work
  const delivers = agent.undeliveredRunId !== null
  const stays = delivers || work.connection() !== null
  if (!stays && agent.incarnation !== null) await removeContainers(parts, agent.id)
  await writeAsHolder(parts, agent.id, async (tx) => {
    await endOpenRun(parts, tx, { reason: 'cancelled', message: 'Cancelled before it began.' })
    tx.update({ needs: null, divergence: null, ...(stays ? {} : { incarnation: null }) })
    if (delivers) setStatus(tx, 'RUNNING')
    else setStatus(tx, stays ? 'READY' : 'IDLE')
  })
}

interface ConnectInput {
  work: Convergence
  agent: Agent
  /** The one that is open. */
  run: Run | null
  fence: number
}

async function connect({ work, agent, run, fence }: ConnectInput): Promise<SandboxConnection> {
  const { parts, signal, onRunEnded } = work
  const onStage = (stage: StartStage) => showStage(parts, agent.id, { stage })
  const connection = await ensureSandbox({ parts, agent, fence, signal, onStage, onRunEnded })
  work.setConnection(connection)
  await orAborted(connection.caughtUp(), signal)
  const { run: going } = connection.health
  if (going !== null && going.id !== run?.id) {
    // It is over as far as the log goes, or lost with a database that was restored: nothing else can begin beside it.
    parts.logger.warn('a sandbox is told to end a run that is not open', { agentId: agent.id, runId: going.id })
    await connection.client.cancel(going.id)
    await orAborted(connection.catchUp(), signal)
  }
  return connection
}

async function begin(input: { work: Convergence; agent: Agent; run: Run; fence: number }): Promise<void> {
  const { work, agent, run, fence } = input
  const { parts, signal } = work
  if (agent.status === 'FAILED') return await startOver(work, agent)
  const known = work.connection()
  const connection = known ?? (await connect({ work, agent, run, fence }))
  const current = known === null ? await parts.stores.runs.find(run.id) : run
  if (current?.status !== 'PENDING') return await goOn({ work, agent, run: current, connection })
  if (agent.divergence === null) {
    const divergence = await findDivergence({ parts, agent, connection, signal })
    if (divergence !== null) return await askAboutDivergence({ work, agent, divergence })
  } else if (agent.divergence.choice === 'clone_again') {
    // What the connection knows of the clone may be older than its loss.
    connection.cloned = (await connection.client.workspaceState(signal)).cloned
  }
  await ensureClone({ parts, agent, connection, signal })
  await ensureSetup({ parts, agent, connection, signal })
  if (agent.status === 'STARTING') await showStage(parts, agent.id, { stage: 'model' })
  signal.throwIfAborted()
  await executeRun({ parts, agent, run, connection, continued: false })
}

/** With a run that was handed over by a control plane that died with it: what was changed since is the run's own work. */
async function goOn(input: {
  work: Convergence
  agent: Agent
  run: Run | null
  connection: SandboxConnection
}): Promise<void> {
  const { work, agent, run, connection } = input
  if (run?.status !== 'RUNNING') {
    // It is over. What a person had chosen for it is done with it.
    return await writeAsHolder(work.parts, agent.id, (tx) => {
      if (tx.agent.needs !== 'divergence') tx.update({ divergence: null })
    })
  }
  if (connection.health.run?.id === run.id) {
    return await executeRun({ parts: work.parts, agent, run, connection, continued: false })
  }
  // Its bridge died as well: it is found again as any run that was lost.
  work.setConnection(null)
  await connection.close()
}

/** The run waited for the engine: once that answers, its start is shown as one. */
async function startOver({ parts }: Convergence, agent: Agent): Promise<void> {
  await parts.driver.assertImage(parts.agentImage)
  await writeAsHolder(parts, agent.id, (tx) => {
    if (tx.agent.status === 'FAILED' && tx.agent.desired === null) setStatus(tx, 'STARTING')
  })
}

/** The run waits, and the agent says for what. */
async function askAboutDivergence(input: { work: Convergence; agent: Agent; divergence: Divergence }): Promise<void> {
  const { work, agent, divergence } = input
  await writeAsHolder(work.parts, agent.id, async (tx) => {
    if (tx.agent.desired !== null || (await tx.openRun())?.status !== 'PENDING') return
    tx.update({ needs: 'divergence', divergence })
    setStatus(tx, 'READY', { code: divergence.kind, message: divergence.message })
  })
}

/** The run takes what waits before its next step; words that came to its end wait for the delivery. */
async function attend({ work, agent, run }: { work: Convergence; agent: Agent; run: Run }): Promise<void> {
  const connection = work.connection()
  if (!connection) return
  const waiting = await work.parts.stores.queue.list(agent.id)
  const news = waiting.filter(({ position }) => position > connection.told)
  await connection.client.attend({ runId: run.id, interrupt: news.some(({ mode }) => mode === 'interrupt') })
  connection.told = Math.max(connection.told, ...news.map(({ position }) => position))
}

/** The container is stopped and kept; whatever was asked of the agent meanwhile comes first. */
async function fallAsleep({ work, agent }: { work: Convergence; agent: Agent }): Promise<void> {
  const { parts } = work
  const connection = work.connection()
  work.setConnection(null)
  await connection?.close()
  for (const sandbox of await parts.driver.list({ installationId: parts.installationId, agentId: agent.id })) {
    await parts.driver.stop(sandbox)
  }
  await writeAsHolder(parts, agent.id, (tx) => {
    if (tx.agent.desired !== 'asleep') return
    tx.update({ desired: null })
    setStatus(tx, 'SLEEPING')
  })
  // Read again: what was asked for meanwhile is begun by the next step, under the same lease.
  const now = await parts.stores.agents.find(agent.id)
  if (now?.status === 'SLEEPING') await parts.holdings.release(agent.id)
}

async function attach(input: Omit<StepInput, 'step'>): Promise<void> {
  const { work, agent, run, fence } = input
  const { parts, signal } = work
  const mayBeGone = !run && agent.status === 'READY' && agent.deliveryAskedAt === null
  if (mayBeGone && !(await hasContainer(parts, agent))) {
    // Somebody removed or stopped it while it waited: nothing is lost, the next instruction brings it back.
    return await writeAsHolder(parts, agent.id, restWithoutSandbox)
  }
  const connection = await connect({ work, agent, run, fence }).catch(async (error: unknown) => {
    if (!mayBeGone || (await hasContainer(parts, agent))) throw error
    return null
  })
  // It ended while it was looked at, which is the same.
  if (connection === null) return await writeAsHolder(parts, agent.id, restWithoutSandbox)
  // It goes on whatever became of its runner, without which nobody can look into the workspace.
  if (run && connection.health.run?.id === run.id) return
  const isLost = agent.workspace?.cloned === true && !(await findClone(connection, signal))
  if (!run) {
    // A lost workspace is asked about before the next run; an empty one is not put in its place.
    if (!isLost) await ensureClone({ parts, agent, connection, signal })
    return await writeAsHolder(parts, agent.id, (tx) => {
      if (tx.agent.status === 'STARTING') setStatus(tx, 'READY')
    })
  }
  const current = await parts.stores.runs.find(run.id)
  if (current?.status !== 'RUNNING') return
  if (current.cancelRequestedAt) {
    return await writeAsHolder(parts, agent.id, (tx) =>
      endOpenRun(parts, tx, { reason: 'cancelled', message: 'Cancelled.' }),
    )
  }
  if (isLost || !mayContinue(current)) {
    const message = isLost
      ? 'The clone in the workspace was lost while the run was in progress. Resume the agent to decide how it goes on.'
      : 'The sandbox was lost again after the run was continued once.'
    return await writeAsHolder(parts, agent.id, (tx) => endOpenRun(parts, tx, { reason: 'sandbox_lost', message }))
  }
  await countLoss(parts, current)
  await ensureClone({ parts, agent, connection, signal })
  await executeRun({ parts, agent, run: current, connection, continued: true })
}

/** Unless something was asked of it while its sandbox was looked for. */
async function restWithoutSandbox(tx: LogTransaction): Promise<void> {
  const { status, deliveryAskedAt } = tx.agent
  if (status === 'READY' && deliveryAskedAt === null && (await tx.openRun()) === null) setStatus(tx, 'IDLE')
}

/** Health says no as long as no runner is there to look; the state of the workspace waits for one. */
async function findClone(connection: SandboxConnection, signal: AbortSignal): Promise<boolean> {
  if (!connection.cloned) connection.cloned = (await connection.client.workspaceState(signal)).cloned
  return connection.cloned
}

async function hasContainer(parts: Convergence['parts'], agent: Agent): Promise<boolean> {
  const sandboxes = await parts.driver.list({ installationId: parts.installationId, agentId: agent.id })
  return sandboxes.some((sandbox) => sandbox.incarnation === agent.incarnation && sandbox.state === 'running')
}

async function cancel(input: { work: Convergence; agent: Agent; run: Run }): Promise<void> {
  const { work, agent, run } = input
  const connection = work.connection()
  if (!connection) return
  const { ended } = await connection.client.cancel(run.id)
  await orAborted(connection.catchUp(), work.signal)
  if (ended) return
  await writeAsHolder(work.parts, agent.id, (tx) =>
    endOpenRun(work.parts, tx, { reason: 'cancelled', message: 'Cancelled; the sandbox no longer had the run.' }),
  )
}
