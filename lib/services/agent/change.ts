/** Changing an agent: what a person may set after it was made. Holds from its next run on; limits of cost and tokens at once. */
import type { Limits } from '../../domain/agent.ts'
import { BerthError } from '../../errors.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { assertBuilt, assertModel } from './create.ts'
import { requireAgent } from './require.ts'
import type { AgentView, ChangeAgentInput } from './schemas.ts'
import { readAgentView } from './view.ts'

/** Fields that are absent stay as they are. Throws `validation_failed`, `model_unknown`, `not_built_yet`. */
export async function changeAgent({
  ctx,
  input,
}: {
  ctx: Context
  input: { agentId: string; changes: ChangeAgentInput }
}): Promise<AgentView> {
  const { changes } = input
  const agent = await requireAgent(ctx, input.agentId)
  assertBuilt(changes)
  if (changes.model !== undefined) await assertModel(ctx, changes.model)
  await writeLog(ctx.parts, agent.id, (tx) => {
    if (tx.agent.desired === 'purged') throw new BerthError('not_found', `The agent ${agent.id} is being deleted.`)
    const { limits, tools, egress, ...plain } = changes
    tx.update({
      ...withoutUndefined(plain),
      ...(limits && { limits: mergeLimits(tx.agent.limits, limits) }),
      ...(tools && { tools: { ...tx.agent.tools, ...withoutUndefined(tools) } }),
      ...(egress && { egress: { ...tx.agent.egress, ...withoutUndefined(egress) } }),
    })
  })
  return await readAgentView(ctx, agent)
}

function mergeLimits(now: Limits, changes: NonNullable<ChangeAgentInput['limits']>): Limits {
  return { ...now, ...withoutUndefined(changes) }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
