/** Agents and runs as the API shows them. */
import type { Agent, Run } from '../../domain/agent.ts'
import type { Context } from '../context.ts'
import type { AgentView, RunView } from './schemas.ts'

/** `queued`: how many words wait for its run. */
export function toAgentView(
  ctx: Context,
  agent: Agent,
  { run, queued }: { run: Run | null; queued: number },
): AgentView {
  const {
    ownerId: _owner,
    incarnation,
    targetTip: _tip,
    desired: _desired,
    deliveryAskedAt: _deliveryAskedAt,
    undeliveredRunId: _undeliveredRunId,
    workspace: _workspace,
    activeAt: _activeAt,
    createdAt,
    updatedAt,
    ...shown
  } = agent
  return {
    ...shown,
    queued,
    isolated: showIsolation(ctx, incarnation),
    run: run && toRunView(run),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** An agent that will have no isolation is shown as such before it has had a sandbox. */
function showIsolation({ parts }: Context, incarnation: string | null): boolean | null {
  if (!parts.driver.isolated) return false
  return incarnation === null ? null : true
}

export function toRunView(run: Run): RunView {
  return {
    id: run.id,
    task: run.task,
    status: run.status,
    reason: run.reason,
    summary: run.summary,
    steps: run.steps,
    inputTokens: run.inputTokens,
    outputTokens: run.outputTokens,
    costUsd: run.costUsd,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    endedAt: run.endedAt?.toISOString() ?? null,
  }
}

/** The agent as it is now, with its latest run. */
export async function readAgentView(ctx: Context, agent: Agent): Promise<AgentView> {
  const { agents, runs, queue } = ctx.parts.stores
  const [fresh, run, waiting] = await Promise.all([
    agents.find(agent.id),
    runs.findLatest(agent.id),
    queue.countOf([agent.id]),
  ])
  return toAgentView(ctx, fresh ?? agent, { run, queued: waiting.get(agent.id) ?? 0 })
}
