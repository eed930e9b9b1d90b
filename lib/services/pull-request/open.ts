/** A person, or the agent's own tool, asks for the pull request. */
import type { PullRequestAnswer, PullRequestRequest } from '../../../container/contract/tunnel.ts'
import { finishPullRequestBody } from '../../domain/pull-request-text.ts'
import { BerthError } from '../../errors.ts'
import { setStarting } from '../agent/end-run.ts'
import { decideIn } from '../agent/instruct.ts'
import { requireAgent } from '../agent/require.ts'
import type { AgentView } from '../agent/schemas.ts'
import { readAgentView } from '../agent/view.ts'
import type { Context, CoreParts } from '../context.ts'
import { writeAsHolder, writeLog } from '../event/write.ts'
import { type Delivery, deliver, openOrUpdate } from './deliver.ts'

/** Commits what is left, pushes, opens or updates. Wakes the sandbox when it must. Safe to ask again. */
export async function openPullRequest(args: {
  ctx: Context
  input: { agentId: string }
}): Promise<{ agent: AgentView; pullRequest: Delivery }> {
  const { ctx, input } = args
  const { parts } = ctx
  const agent = await requireAgent(ctx, input.agentId)
  await writeLog(parts, agent.id, async (tx) => {
    await decideIn(tx, { name: 'pull_request' })
    const falls = tx.agent.desired === 'asleep'
    tx.update({ activeAt: parts.clock.now(), ...(falls && { desired: null }) })
    if (tx.agent.status !== 'READY' && tx.agent.status !== 'RUNNING') setStarting(tx)
  })
  await parts.supervisor.settle(agent.id)
  const pullRequest = await parts.supervisor.exclusively(agent.id, async (signal) => {
    const connection = parts.supervisor.connection(agent.id)
    const run = await parts.stores.runs.findLatest(agent.id)
    const current = await parts.stores.agents.find(agent.id)
    if (!connection || !run || !current) {
      throw new BerthError('start_failed', current?.statusDetail?.message ?? 'The sandbox could not be woken.', {
        hint: current?.statusDetail?.hint ?? 'Start the agent, then ask again.',
      })
    }
    if (run.status !== 'ENDED') {
      throw new BerthError('run_in_progress', 'A run began meanwhile, so its work cannot be delivered yet.', {
        hint: 'Wait until it ends or cancel it.',
      })
    }
    return await deliver({ parts, agent: current, run, connection, asked: true, isFinal: true, signal })
  })
  return { agent: await readAgentView(ctx, agent), pullRequest }
}

/** The create_pull_request tool, during a run: the branch was pushed through the broker before. */
export async function openPullRequestForRun(
  parts: CoreParts,
  input: { agentId: string; runId: string; request: PullRequestRequest },
): Promise<PullRequestAnswer> {
  const agent = await parts.stores.agents.find(input.agentId)
  const run = await parts.stores.runs.findOpen(input.agentId)
  if (!agent || run?.id !== input.runId) {
    throw new BerthError('state_conflict', 'Only a run in progress can open a pull request.', {
      hint: 'The run has ended; a person can still ask for the pull request.',
    })
  }
  const { title } = input.request
  const body = finishPullRequestBody(input.request.body, parts.driver)
  const delivery = await openOrUpdate({ parts, agent, title, body })
  await writeAsHolder(parts, agent.id, (tx) => {
    tx.update({ pullRequest: { number: delivery.number, url: delivery.url, title: delivery.title } })
    tx.append('pull_request', { ...delivery }, { runId: run.id })
  })
  return { number: delivery.number, url: delivery.url, action: delivery.action === 'updated' ? 'updated' : 'opened' }
}
