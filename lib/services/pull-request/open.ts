/** A person, or the agent's own tool, asks for the pull request. */
import type { PullRequestAnswer, PullRequestRequest } from '../../../container/contract/tunnel.ts'
import type { Agent } from '../../domain/agent.ts'
import { finishPullRequestBody } from '../../domain/pull-request-text.ts'
import { BerthError } from '../../errors.ts'
import { setStarting } from '../agent/end-run.ts'
import { decideIn } from '../agent/instruct.ts'
import { requireAgent } from '../agent/require.ts'
import type { AgentView } from '../agent/schemas.ts'
import { untilRow } from '../agent/until-row.ts'
import { readAgentView } from '../agent/view.ts'
import type { Context, CoreParts } from '../context.ts'
import { writeAsHolder, writeLog } from '../event/write.ts'
import { type Delivery, openOrUpdate } from './deliver.ts'

/** Of waking the sandbox, committing and pushing; what takes longer goes on, and nobody waits for it. */
const DELIVERY_DEADLINE_MS = 5 * 60_000

/**
 * Commits what is left, pushes, opens or updates. Wakes the sandbox when it must. Safe to ask again: those who ask while it is
 * under way get its outcome. Done by whichever control plane holds the agent.
 */
export async function openPullRequest(args: {
  ctx: Context
  input: { agentId: string }
}): Promise<{ agent: AgentView; pullRequest: Delivery }> {
  const { ctx, input } = args
  const { parts } = ctx
  const agent = await requireAgent(ctx, input.agentId)
  const asked = await writeLog(parts, agent.id, async (tx) => {
    await decideIn(tx, { name: 'pull_request' })
    const askedAt = tx.agent.deliveryAskedAt ?? parts.clock.now()
    const falls = tx.agent.desired === 'asleep'
    tx.update({ deliveryAskedAt: askedAt, activeAt: parts.clock.now(), ...(falls && { desired: null }) })
    if (tx.agent.status !== 'READY' && tx.agent.status !== 'RUNNING') setStarting(tx)
    return { at: askedAt.getTime(), seq: tx.agent.lastSeq }
  })
  parts.supervisor.wake(agent.id)
  const isWaiting = (row: Agent | null) => row?.deliveryAskedAt?.getTime() === asked.at
  const row = await untilRow(parts, {
    agentId: agent.id,
    deadlineMs: DELIVERY_DEADLINE_MS,
    test: (now) => !isWaiting(now),
  })
  if (isWaiting(row)) {
    throw new BerthError('state_conflict', 'The pull request has not been made yet.', {
      hint: 'It goes on by itself, and its outcome is a pull_request event of the agent.',
    })
  }
  const pullRequest = await findDelivery(parts, { agentId: agent.id, after: asked.seq })
  if (pullRequest === null) throw await notDelivered(parts, row)
  return { agent: await readAgentView(ctx, agent), pullRequest }
}

async function findDelivery(
  { stores }: CoreParts,
  { agentId, after }: { agentId: string; after: number },
): Promise<Delivery | null> {
  const events = await stores.events.listOfTypes({ agentId, types: ['pull_request'] })
  // What only `deliver` appends is a Delivery.
  return (events.findLast(({ seq }) => seq > after)?.data as Delivery | undefined) ?? null
}

/** Why the wish is gone and nothing came of it. */
async function notDelivered({ stores }: CoreParts, row: Agent | null): Promise<BerthError> {
  if (row !== null && (await stores.runs.findOpen(row.id)) !== null) {
    return new BerthError('run_in_progress', 'A run began meanwhile, so its work cannot be delivered yet.', {
      hint: 'Wait until it ends or cancel it.',
    })
  }
  if (row?.status !== 'FAILED') {
    return new BerthError('state_conflict', 'The agent was told to do something else meanwhile.', {
      hint: 'Look at the agent, then ask again.',
    })
  }
  return new BerthError('start_failed', row.statusDetail?.message ?? 'The sandbox could not be woken.', {
    hint: row.statusDetail?.hint ?? 'Start the agent, then ask again.',
  })
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
