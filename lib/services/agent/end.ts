/** Ending: a run (cancel), a container (stop), everything (delete with purge). The wish is written before acting. */
import type { Agent } from '../../domain/agent.ts'
import { BerthError, isBerthError, isErrorCode } from '../../errors.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { setStatus } from './end-run.ts'
import { decideIn, type InstructAnswer } from './instruct.ts'
import { requireAgent, requireAgentOrItsRest } from './require.ts'
import type { AgentView } from './schemas.ts'
import { untilRow } from './until-row.ts'
import { readAgentView } from './view.ts'

/** A holder that died is followed by another control plane after half a minute. */
const PURGE_DEADLINE_MS = 60_000

type AgentInput = { ctx: Context; input: { agentId: string } }

/** Ends the run; the container stays. Answers as soon as the wish is written: the run's end comes as its `done` event. */
export async function cancelRun({ ctx, input }: AgentInput): Promise<InstructAnswer> {
  const { parts } = ctx
  const agent = await requireAgent(ctx, input.agentId)
  const pending = await writeLog(parts, agent.id, async (tx) => {
    const decision = await decideIn(tx, { name: 'cancel' })
    const run = decision.do === 'cancel' ? await tx.openRun() : null
    if (!run) return null
    await tx.updateRun(run.id, { cancelRequestedAt: run.cancelRequestedAt ?? parts.clock.now() })
    return run.status
  })
  // A start is given up; a run is told to end by its bridge.
  if (pending === 'PENDING') parts.supervisor.interrupt(agent.id)
  else if (pending !== null) parts.supervisor.wake(agent.id)
  const view = await readAgentView(ctx, agent)
  return { agent: view, run: view.run }
}

/** Takes the container away; files and history stay. */
export async function stopAgent({ ctx, input }: AgentInput): Promise<AgentView> {
  const { parts } = ctx
  const agent = await requireAgent(ctx, input.agentId)
  const acts = await writeLog(parts, agent.id, async (tx) => {
    const decision = await decideIn(tx, { name: 'stop' })
    if (decision.do === 'join') return false
    tx.update({ desired: 'stopped' })
    if (tx.agent.status !== 'STOPPING') setStatus(tx, 'STOPPING')
    return true
  })
  if (acts) parts.supervisor.interrupt(agent.id)
  return await readAgentView(ctx, agent)
}

/** Removes container, volumes, history and record. Resolves when they are gone; throws what keeps them when they are not. */
export async function purgeAgent({ ctx, input }: AgentInput): Promise<void> {
  const { parts } = ctx
  const agent = await requireAgentOrItsRest(ctx, input.agentId)
  try {
    await writeLog(parts, agent.id, (tx) => {
      tx.update({ desired: 'purged' })
      if (tx.agent.status !== 'STOPPING') setStatus(tx, 'STOPPING')
    })
  } catch (error) {
    // Somebody else's call was quicker.
    if (isBerthError(error) && error.code === 'not_found') return
    throw error
  }
  parts.supervisor.interrupt(agent.id)
  const left = await untilRow(parts, {
    agentId: agent.id,
    deadlineMs: PURGE_DEADLINE_MS,
    test: (row) => row === null || row.status === 'FAILED',
  })
  if (left) throw notYetRemoved(left)
}

function notYetRemoved({ statusDetail }: Agent): BerthError {
  const { code = 'state_conflict', message = 'What holds it has not let go of it.' } = statusDetail ?? {}
  return new BerthError(isErrorCode(code) ? code : 'internal', `The agent could not be removed yet. ${message}`, {
    hint: 'It is tried again by itself every minute; nothing else has to be done.',
  })
}
