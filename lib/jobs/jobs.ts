/** What happens by itself: leases renewed, agents and their sandboxes looked at, model calls settled, old keys forgotten; and news of containers that ended. */
import { sleepIdleAgents } from '../services/agent/sleep.ts'
import type { Parts } from '../services/context.ts'
import type { ModelMeter } from '../services/model-call/meter.ts'

const LEASE_RENEWAL_MS = 10_000
const RECONCILE_MS = 60_000
const SLEEP_CHECK_MS = 15_000
const SETTLE_MS = 5_000
const IDEMPOTENCY_MS = 24 * 3_600_000

export interface Jobs {
  stop(): Promise<void>
}

/** Starts them; the first reconciliation finds what an earlier process left under way. */
export async function startJobs(parts: Parts, modelMeter: ModelMeter): Promise<Jobs> {
  const ending = new AbortController()
  const repeat = async (everyMs: number, name: string, work: () => Promise<void>) => {
    while (!ending.signal.aborted) {
      try {
        await work()
      } catch (error) {
        parts.logger.error('a job failed; it is tried again at its next turn', { job: name, error })
      }
      await parts.clock.sleep(everyMs, ending.signal).catch(() => undefined)
    }
  }
  const running = [
    repeat(LEASE_RENEWAL_MS, 'renew leases', () => renewLeases(parts)),
    repeat(RECONCILE_MS, 'reconcile', () => parts.supervisor.reconcile()),
    repeat(RECONCILE_MS, 'look for stray sandboxes', () => parts.strays.look()),
    repeat(SLEEP_CHECK_MS, 'let idle agents sleep', () => sleepIdleAgents(parts)),
    repeat(SETTLE_MS, 'settle model calls', () => modelMeter.settleOpenCalls()),
    repeat(IDEMPOTENCY_MS / 24, 'forget idempotency keys', () =>
      parts.stores.idempotency.removeOlderThan(new Date(parts.clock.now().getTime() - IDEMPOTENCY_MS)),
    ),
  ]
  const unwatch = await parts.driver.watch(
    parts.installationId,
    (sandbox) => parts.supervisor.wake(sandbox.agentId),
    (agentId) => parts.holdings.holds(agentId),
  )
  return {
    async stop() {
      ending.abort(new Error('the control plane is closing'))
      unwatch()
      await Promise.all(running)
    },
  }
}

/** What was taken over by another control plane is let go of; what nobody holds any more is taken up. */
async function renewLeases(parts: Parts): Promise<void> {
  for (const agentId of await parts.holdings.renew()) {
    parts.logger.warn('another control plane has taken over an agent', { agentId })
    parts.supervisor.letGo(agentId)
  }
  for (const agent of await parts.stores.agents.listUnheld()) parts.supervisor.wake(agent.id)
}
