/** Gets an agent's sandbox up and connected: found by its labels, woken, or made. Each stage is told as it begins. */

import { orAborted, withinDeadline } from '../../deadline.ts'
import type { Agent, StartStage } from '../../domain/agent.ts'
import type { Sandbox, SandboxLabels } from '../../drivers/sandbox/port.ts'
import { BerthError, isBerthError, leaseLost } from '../../errors.ts'
import type { WorkerParts } from '../context.ts'
import { writeAsHolder } from '../event/write.ts'
import { bridgeToken, connectSandbox, requireSecretKey, type SandboxConnection, sha256Hex } from './connection.ts'
import { sandboxEnvironment } from './environment.ts'

const CONTAINER_DEADLINE_MS = 30_000
const END_CHECK_MS = 1_000
const TMP_BYTES = 1024 * 1024 * 1024

export interface EnsureInput {
  parts: WorkerParts
  agent: Agent
  /** Of the lease that is held. */
  fence: number
  signal: AbortSignal
  onStage: (stage: StartStage) => Promise<void>
  onRunEnded: () => void
}

/**
 * Answers with a new connection. A sandbox that is there and cannot be had (it does not start, or its bridge does not answer this
 * control plane) is made anew on its volumes. What is thrown is a BerthError with a code that a person can act on.
 */
export async function ensureSandbox(input: EnsureInput): Promise<SandboxConnection> {
  const { parts, agent, signal, onStage } = input
  await onStage('image')
  await parts.driver.assertImage(parts.agentImage)
  signal.throwIfAborted()
  await onStage('container')
  const known = await findKnown(input)
  const reached = known === null ? null : await reachKnown(input, known)
  if (reached !== null) return reached
  const { installationId, driver } = parts
  // Reaching for it may have taken longer than the lease: then it is another control plane's, and may work.
  if ((await parts.holdings.acquire(agent.id)) !== input.fence) throw leaseLost(agent.id)
  // Removed from outside, or not to be had: what there is of it goes before there is another.
  if (agent.incarnation !== null)
    await driver.remove({ installationId, agentId: agent.id, incarnation: agent.incarnation })
  return await connectTo(input, await inTime(input, (timed) => createContainer({ ...input, signal: timed })))
}

function inTime<T>({ parts, signal }: EnsureInput, work: (timed: AbortSignal) => Promise<T>): Promise<T> {
  const late = new BerthError('start_failed', `The container was not up within ${CONTAINER_DEADLINE_MS / 1_000} s.`, {
    hint: "The engine may be busy, or the disk slow: look at `docker ps` and the engine's log, then start the agent again.",
  })
  return withinDeadline({ clock: parts.clock, ms: CONTAINER_DEADLINE_MS, signal, late }, work)
}

/** The agent's sandbox as its row names it. Others of the agent must not run beside it. */
async function findKnown({ parts, agent }: EnsureInput): Promise<Sandbox | null> {
  const { driver, installationId } = parts
  const sandboxes = await driver.list({ installationId, agentId: agent.id })
  const known = sandboxes.find((sandbox) => sandbox.incarnation === agent.incarnation) ?? null
  for (const stray of sandboxes) {
    if (stray === known || stray.state !== 'running') continue
    parts.logger.warn('stopping a container that no row knows', { agentId: agent.id, incarnation: stray.incarnation })
    await driver.stop(stray)
  }
  return known
}

/** Of a sandbox that is there: it does not start, its bridge does not answer, or not to this control plane's token. */
const CANNOT_BE_HAD: readonly string[] = ['start_failed', 'sandbox_lost', 'upstream_failed']

async function reachKnown(input: EnsureInput, known: Sandbox): Promise<SandboxConnection | null> {
  const { parts, agent, signal } = input
  try {
    const { driver } = parts
    if (known.state === 'running') await inTime(input, (timed) => orAborted(driver.ensureRunner(known), timed))
    else await inTime(input, (timed) => orAborted(driver.start(known), timed))
    return await connectTo(input, known.incarnation)
  } catch (error) {
    if (signal.aborted || !isBerthError(error) || !CANNOT_BE_HAD.includes(error.code)) throw error
    // One that ended while it was looked at, and had nothing to do, is not missed: who asked decides.
    if (agent.status === 'READY' && !(await isRunning(parts, known))) throw error
    const { incarnation } = known
    parts.logger.warn('a sandbox is made anew on its volumes', { agentId: agent.id, incarnation, error })
    return null
  }
}

async function isRunning(
  { driver }: WorkerParts,
  { installationId, agentId, incarnation }: SandboxLabels,
): Promise<boolean> {
  const sandboxes = await driver.list({ installationId, agentId })
  return sandboxes.some((sandbox) => sandbox.incarnation === incarnation && sandbox.state === 'running')
}

async function connectTo(input: EnsureInput, incarnation: string): Promise<SandboxConnection> {
  const { parts, agent, fence, signal, onStage, onRunEnded } = input
  signal.throwIfAborted()
  await onStage('bridge')
  const { id: agentId, ownerId } = agent
  const sandbox = { installationId: parts.installationId, agentId, incarnation }
  return await whileItRuns({ parts, sandbox, signal }, (running) =>
    connectSandbox({ parts, agentId, ownerId, incarnation, fence, signal: running, onRunEnded }),
  )
}

/** Gives `work` up when the container has ended: a bridge that cannot come is not waited for. */
async function whileItRuns<T>(
  { parts, sandbox, signal }: { parts: WorkerParts; sandbox: SandboxLabels; signal: AbortSignal },
  work: (running: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const over = new AbortController()
  const look = async () => {
    do await parts.clock.sleep(END_CHECK_MS, over.signal)
    while (await isRunning(parts, sandbox))
    ended.abort(new BerthError('sandbox_lost', 'The container ended before its bridge answered.'))
  }
  look().catch((error: unknown) => {
    // An engine that cannot be asked leaves the bridge its deadline.
    if (!over.signal.aborted) parts.logger.warn('a container that starts cannot be watched', { ...sandbox, error })
  })
  try {
    return await work(AbortSignal.any([signal, ended.signal]))
  } finally {
    over.abort()
  }
}

async function createContainer({ parts, agent, signal }: EnsureInput): Promise<string> {
  const { driver, installationId } = parts
  const incarnation = parts.ids.next('inc')
  // Known before it exists: a control plane that dies here finds the container by the row.
  await writeAsHolder(parts, agent.id, (tx) => tx.update({ incarnation }))
  await driver.create(
    {
      installationId,
      agentId: agent.id,
      incarnation,
      image: parts.agentImage,
      memoryBytes: agent.limits.memoryBytes,
      nanoCpus: agent.limits.nanoCpus,
      pids: agent.limits.pids,
      tmpBytes: TMP_BYTES,
      bridgeTokenSha256: sha256Hex(bridgeToken(requireSecretKey(parts), agent.id, incarnation)),
      agentEnv: sandboxEnvironment(parts.settings, agent),
    },
    signal,
  )
  return incarnation
}
