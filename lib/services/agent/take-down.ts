/** Takes an agent's sandbox away: the run ends, the container goes, the volumes stay unless everything is to go. */
import type { Agent, Run } from '../../domain/agent.ts'
import type { Parts } from '../context.ts'
import { announce, writeAsHolder } from '../event/write.ts'
import type { Convergence } from './converge.ts'
import { endOpenRun, NOTHING_AWAITED, setStatus } from './end-run.ts'

/** How long the bridge has to end its run before the container goes with it. */
const CANCEL_DEADLINE_MS = 3_000

export async function takeDown(input: {
  work: Convergence
  agent: Agent
  run: Run | null
  purge: boolean
}): Promise<void> {
  const { work, agent, run, purge } = input
  const { parts } = work
  if (run) await endThroughBridge({ work, agent, run })
  const connection = work.connection()
  work.setConnection(null)
  await connection?.close()
  await removeContainers(parts, agent.id)
  if (purge) {
    await parts.driver.removeVolumes({ installationId: parts.installationId, agentId: agent.id })
    await parts.writes.run(agent.id, () => parts.stores.agents.remove(agent.id))
    await parts.holdings.release(agent.id)
    const removed = { kind: 'removed' as const, agentId: agent.id, ownerId: agent.ownerId }
    parts.hub.publish(removed)
    announce(parts, removed)
    return
  }
  await writeAsHolder(parts, agent.id, async (tx) => {
    await endOpenRun(parts, tx, { reason: 'cancelled', message: 'The agent was stopped.' })
    tx.update({ desired: null, incarnation: null, ...NOTHING_AWAITED })
    setStatus(tx, 'IDLE')
  })
  await parts.holdings.release(agent.id)
}

/** The bridge ends its run itself where it can, so that its last events are in the log. */
async function endThroughBridge(input: { work: Convergence; agent: Agent; run: Run }): Promise<void> {
  const { work, agent, run } = input
  const connection = work.connection()
  if (!connection) return
  const deadline = new AbortController()
  const late = work.parts.clock.sleep(CANCEL_DEADLINE_MS, deadline.signal).catch(() => undefined)
  try {
    await Promise.race([connection.client.cancel(run.id).then(() => connection.catchUp()), late])
  } catch (error) {
    work.parts.logger.warn('the bridge could not end its run; the container goes with it', { agentId: agent.id, error })
  } finally {
    deadline.abort(new Error('done'))
  }
}

export async function removeContainers(
  parts: Pick<Parts, 'driver' | 'installationId'>,
  agentId: string,
): Promise<void> {
  for (const sandbox of await parts.driver.list({ installationId: parts.installationId, agentId })) {
    await parts.driver.remove(sandbox)
  }
}
