/** Why the start right after creating was refused, carried from the form to the agent's page in this tab's memory. */
import type { Problem } from '../model/problem.ts'

const problems = new Map<string, Problem>()

export function keepStartProblem(agentId: string, problem: Problem): void {
  problems.set(agentId, problem)
}

/** Given once. */
export function takeStartProblem(agentId: string): Problem | null {
  const problem = problems.get(agentId) ?? null
  problems.delete(agentId)
  return problem
}
