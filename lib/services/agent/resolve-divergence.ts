/** A person's choice about what is otherwise than recorded; the run that waited for it goes on. */
import type { DivergenceChoice } from '../../domain/agent.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { setStarting } from './end-run.ts'
import { decideIn, type InstructAnswer } from './instruct.ts'
import { requireAgent } from './require.ts'
import { readAgentView } from './view.ts'

const CHOSEN: Record<DivergenceChoice, string> = {
  clone_again: 'clone again',
  keep: 'go on with what is there',
  merge: 'have it merge the commits first',
}

/** Throws `state_conflict` when nothing waits for a choice, `validation_failed` for one that is not offered. */
export async function resolveDivergence({
  ctx,
  input,
}: {
  ctx: Context
  input: { agentId: string; choice: DivergenceChoice }
}): Promise<InstructAnswer> {
  const { parts, actor } = ctx
  const agent = await requireAgent(ctx, input.agentId)
  const acts = await writeLog(parts, agent.id, async (tx) => {
    const { do: what } = await decideIn(tx, { name: 'resolve', choice: input.choice })
    const { divergence } = tx.agent
    if (what !== 'resolve' || divergence === null) return false
    tx.update({ needs: null, divergence: { ...divergence, choice: input.choice } })
    tx.append('status', {
      status: tx.agent.status,
      message: `${actor.name} chose to ${CHOSEN[input.choice]}.`,
    })
    if (tx.agent.status === 'SLEEPING') setStarting(tx)
    else if (tx.agent.desired === 'asleep') tx.update({ desired: null })
    return true
  })
  if (acts) parts.supervisor.wake(agent.id)
  const view = await readAgentView(ctx, agent)
  return { agent: view, run: view.run }
}
