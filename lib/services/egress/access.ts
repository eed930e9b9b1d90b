/** What the egress gateway asks: which hosts this agent may reach; and what it was refused. */
import type { EgressPolicy } from '../../domain/egress-policy.ts'
import { BerthError } from '../../errors.ts'
import type { CoreParts } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { registryHosts } from '../sandbox/environment.ts'

export async function readEgressPolicy(parts: CoreParts, agentId: string): Promise<EgressPolicy> {
  const agent = await parts.stores.agents.find(agentId)
  if (!agent) throw new BerthError('not_found', 'The agent of this sandbox is gone.')
  const registries = registryHosts(parts.settings)
  const defaults = agent.egress.mode === 'allowlist' ? await parts.driver.defaultEgressHosts(parts.agentImage) : []
  return {
    mode: agent.egress.mode,
    allow: [...defaults, ...registries, ...parts.settings.egress.allow, ...agent.egress.allow],
    internalHosts: [...registries, ...parts.settings.egress.internalHosts],
  }
}

export async function recordEgressDenied(
  parts: CoreParts,
  agentId: string,
  denial: { host: string; port: number; rule: string; reason: string; cure: string; note?: string },
): Promise<void> {
  await writeLog(parts, agentId, async (tx) => {
    const run = await tx.openRun()
    tx.append('egress_denied', denial, { runId: run?.id ?? null })
  })
}
