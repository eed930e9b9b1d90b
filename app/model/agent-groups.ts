/**
 * The list of agents in its groups, filtered.
 * Owns: which group an agent is in, the order of groups and rows, what the filter looks at. Must not know: React.
 */
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { hasOpenRun } from './live-agent.ts'

export const groupNames = ['needs', 'underway', 'ready', 'rest'] as const
export type GroupName = (typeof groupNames)[number]

export const GROUP_TITLES: Record<GroupName, string> = {
  needs: 'Needs you',
  underway: 'Under way',
  ready: 'Ready',
  rest: 'At rest',
}

export interface AgentGroup {
  name: GroupName
  agents: AgentView[]
}

export function groupOf(agent: Pick<AgentView, 'status' | 'needs' | 'run'>): GroupName {
  if (agent.needs !== null || agent.status === 'FAILED') return 'needs'
  if (hasOpenRun(agent) || agent.status === 'STARTING' || agent.status === 'RUNNING' || agent.status === 'STOPPING')
    return 'underway'
  return agent.status === 'READY' ? 'ready' : 'rest'
}

/** All four groups in their order, the last changed agent first in each. */
export function groupAgents(agents: readonly AgentView[]): AgentGroup[] {
  const sorted = [...agents].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt) || a.id.localeCompare(b.id))
  return groupNames.map((name) => ({ name, agents: sorted.filter((agent) => groupOf(agent) === name) }))
}

/** Every word of `query` must occur in name, repository, a branch or the task. */
export function filterAgents(agents: readonly AgentView[], query: string): AgentView[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return [...agents]
  return agents.filter((agent) => {
    const text = [agent.name, agent.githubRepo, agent.sourceBranch, agent.targetBranch, agent.task].join('\n')
    const lower = text.toLowerCase()
    return words.every((word) => lower.includes(word))
  })
}
