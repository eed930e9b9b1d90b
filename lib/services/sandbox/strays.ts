/**
 * Sandboxes of this installation that no row accounts for: stopped and shown to people, never removed, and their volumes are
 * never touched. Owns: what was found last. Must not know: other installations' sandboxes, which the driver does not list.
 */

import { isAtRest, type StrayReason, strayReason } from '../../domain/stray.ts'
import type { Sandbox } from '../../drivers/sandbox/port.ts'
import { isBerthError } from '../../errors.ts'
import type { Supervisor } from '../agent/supervisor.ts'
import type { CoreParts } from '../context.ts'

export interface Stray extends Pick<Sandbox, 'agentId' | 'incarnation' | 'engineId' | 'state'> {
  reason: StrayReason
  /** For a person: why it is there, and what can be done. */
  message: string
  hint: string
}

export interface Strays {
  /** As of the last look. */
  found(): readonly Stray[]
  /** Looks at everything on the engine, and stops what runs and should not. */
  look(): Promise<void>
}

const MESSAGES: Record<StrayReason, string> = {
  unknown_agent: 'Its agent is not in this database: it was deleted, or the database was restored from an older state.',
  outdated: 'Its agent has another sandbox now.',
  at_rest: 'It was started from outside although its agent is at rest.',
}

export function createStrays(parts: CoreParts & { supervisor: Supervisor }): Strays {
  const { driver, stores, installationId, logger } = parts
  let found: readonly Stray[] = []

  const look = async () => {
    const sandboxes = await driver.list({ installationId })
    const agents = new Map(
      (await stores.agents.listNamed(sandboxes.map(({ agentId }) => agentId))).map((agent) => [agent.id, agent]),
    )
    const strays: Stray[] = []
    for (const sandbox of sandboxes) {
      if (strayReason(sandbox, agents.get(sandbox.agentId) ?? null, false) === null) continue
      const stray = await stopStray(parts, sandbox)
      if (stray !== null) strays.push(stray)
    }
    for (const stray of strays) {
      if (!found.some(({ engineId }) => engineId === stray.engineId))
        logger.warn('a stray sandbox was found', { ...stray })
    }
    found = strays
  }

  return {
    found: () => found,
    async look() {
      try {
        await look()
      } catch (error) {
        // Said by the watch of the engine, and by the health of the installation.
        if (!isBerthError(error) || error.code !== 'engine_unreachable') throw error
      }
    },
  }
}

/** Looks again where nothing of the agent is under way. Answers with what is there now; null when it is none, or not ours to say. */
async function stopStray(parts: CoreParts & { supervisor: Supervisor }, sandbox: Sandbox): Promise<Stray | null> {
  const { agentId } = sandbox
  if ((await parts.stores.agents.find(agentId)) === null) return await stopIfStray(parts, sandbox)
  return await parts.supervisor.ifResting(agentId, async () => {
    // Whoever holds the agent looks after what it has on the engine.
    if ((await parts.holdings.acquire(agentId)) === null) return null
    const stray = await stopIfStray(parts, sandbox)
    const agent = await parts.stores.agents.find(agentId)
    const hasOpenRun = (await parts.stores.runs.findOpen(agentId)) !== null
    if (agent !== null && isAtRest(agent, hasOpenRun)) await parts.holdings.release(agentId)
    return stray
  })
}

async function stopIfStray({ driver, stores }: CoreParts, { installationId, agentId, incarnation }: Sandbox) {
  const agent = await stores.agents.find(agentId)
  const now = (await driver.list({ installationId, agentId })).find((other) => other.incarnation === incarnation)
  const hasOpenRun = (await stores.runs.findOpen(agentId)) !== null
  const reason = now === undefined ? null : strayReason(now, agent, hasOpenRun)
  if (now === undefined || reason === null) return null
  if (now.state === 'running') await driver.stop(now)
  const { engineId } = now
  return {
    agentId,
    incarnation,
    engineId,
    state: 'stopped',
    reason,
    message: MESSAGES[reason],
    hint: HINT,
  } satisfies Stray
}

const HINT =
  'It was stopped, and nothing of it was removed. Its log says what it did; it can be removed by hand. The files of its agent lie ' +
  'in volumes that are labelled with the agent, and stay.'
