/** Whether a sandbox on the engine is one that its agent's row accounts for. Pure. */
import type { Agent } from './agent.ts'

export type StrayReason =
  /** No row has its agent: it was purged meanwhile, or the database is older than the sandbox. */
  | 'unknown_agent'
  /** The agent's row names another sandbox. */
  | 'outdated'
  /** It runs although its agent is at rest. */
  | 'at_rest'

const AT_REST: readonly Agent['status'][] = ['IDLE', 'SLEEPING', 'FAILED']

/** True where an agent has nothing that runs, and no run that waits for its engine. */
export function isAtRest(agent: Pick<Agent, 'status' | 'desired'>, hasOpenRun: boolean): boolean {
  return AT_REST.includes(agent.status) && agent.desired === null && !hasOpenRun
}

/** Null for a sandbox that is accounted for. */
export function strayReason(
  sandbox: { incarnation: string; state: 'running' | 'stopped' },
  agent: Pick<Agent, 'status' | 'desired' | 'incarnation'> | null,
  hasOpenRun: boolean,
): StrayReason | null {
  if (agent === null) return 'unknown_agent'
  if (agent.incarnation !== sandbox.incarnation) return 'outdated'
  return sandbox.state === 'running' && isAtRest(agent, hasOpenRun) ? 'at_rest' : null
}
