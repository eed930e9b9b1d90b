/** Gets an agent's sandbox up and connected: found by its labels, woken, or made. Each stage is told as it begins. */
import type { Agent, StartStage } from '../../domain/agent.ts'
import { BerthError } from '../../errors.ts'
import type { WorkerParts } from '../context.ts'
import { writeAsHolder } from '../event/write.ts'
import { bridgeToken, connectSandbox, requireSecretKey, type SandboxConnection, sha256Hex } from './connection.ts'
import { orAborted, withinDeadline } from './deadline.ts'
import { sandboxEnvironment } from './environment.ts'

const CONTAINER_DEADLINE_MS = 30_000
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

/** Answers with a new connection. What is thrown is a BerthError with a code that a person can act on. */
export async function ensureSandbox(input: EnsureInput): Promise<SandboxConnection> {
  const { parts, agent, fence, signal, onStage } = input
  await onStage('image')
  await parts.driver.assertImage(parts.agentImage)
  signal.throwIfAborted()
  await onStage('container')
  const late = new BerthError('start_failed', `The container was not up within ${CONTAINER_DEADLINE_MS / 1_000} s.`, {
    hint: "The engine may be busy, or the disk slow: look at `docker ps` and the engine's log, then start the agent again.",
  })
  const incarnation = await withinDeadline({ clock: parts.clock, ms: CONTAINER_DEADLINE_MS, signal, late }, (timed) =>
    ensureContainer({ ...input, signal: timed }),
  )
  signal.throwIfAborted()
  await onStage('bridge')
  return await connectSandbox({
    parts,
    agentId: agent.id,
    ownerId: agent.ownerId,
    incarnation,
    fence,
    signal,
    onRunEnded: input.onRunEnded,
  })
}

async function ensureContainer({ parts, agent, signal }: EnsureInput): Promise<string> {
  const { driver, installationId } = parts
  const sandboxes = await driver.list({ installationId, agentId: agent.id })
  const known = sandboxes.find((sandbox) => sandbox.incarnation === agent.incarnation)
  for (const stray of sandboxes) {
    if (stray === known || stray.state !== 'running') continue
    parts.logger.warn('stopping a container that no row knows', { agentId: agent.id, incarnation: stray.incarnation })
    await driver.stop(stray)
  }
  if (known?.state === 'running') {
    await orAborted(driver.ensureRunner(known), signal)
    return known.incarnation
  }
  if (known) return (await orAborted(driver.start(known), signal)).incarnation
  // Its container was removed from outside: what else there was of it goes too.
  if (agent.incarnation !== null)
    await driver.remove({ installationId, agentId: agent.id, incarnation: agent.incarnation })
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
