/**
 * Sandboxes that no agent accounts for, as the owner reads of them: how many, whose each was, why it is there, how to look at it.
 * Owns: those words and what can be named. Must not know: React, how strays are found.
 */
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import type { HealthView } from '../../lib/services/health/read.ts'

export interface StrayLine {
  key: string
  /** The agent's name, or its id where no such agent is known. */
  name: string
  /** Null where it has no page. */
  agentId: string | null
  why: string
  /** Shows its log; null where the engine has no such command. */
  command: string | null
}

export interface StrayNotice {
  title: string
  lines: StrayLine[]
  /** What can be done, each once. */
  hints: string[]
}

const SHORT_ID = 12

/** Null where there is none. */
export function describeStrays(
  { strays, driver }: Pick<HealthView, 'strays' | 'driver'>,
  agents: readonly Pick<AgentView, 'id' | 'name'>[],
): StrayNotice | null {
  if (strays.length === 0) return null
  const hints = [...new Set(strays.map(({ hint }) => hint))]
  return {
    title:
      strays.length === 1 ? 'No agent accounts for a sandbox.' : `No agent accounts for ${strays.length} sandboxes.`,
    lines: strays.map(({ agentId, engineId, message }) => {
      const agent = agents.find(({ id }) => id === agentId)
      return {
        key: engineId,
        name: agent?.name ?? agentId,
        agentId: agent?.id ?? null,
        why: message,
        command: driver === 'docker' ? `docker logs ${engineId.slice(0, SHORT_ID)}` : null,
      }
    }),
    hints:
      strays.length === 1 ? hints : hints.map((hint) => `Of each: ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`),
  }
}
