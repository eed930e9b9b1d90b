/** What the model gateway asks: may this run call the model, and what did the call cost. */

import { BerthError } from '../../errors.ts'
import type { ModelGrant, ModelUsage } from '../../gateway/ports.ts'
import type { CoreParts } from '../context.ts'
import { writeLog } from '../event/write.ts'

/**
 * Opens a model call. Throws `state_conflict` when `runId` is not the agent's run in progress, `model_forbidden`,
 * `budget_exhausted`, `model_key_missing`.
 */
export async function beginModelCall(
  parts: CoreParts,
  call: { agentId: string; runId: string; modelId: string },
): Promise<ModelGrant> {
  const [agent, run] = await Promise.all([
    parts.stores.agents.find(call.agentId),
    parts.stores.runs.findOpen(call.agentId),
  ])
  if (!agent || run?.id !== call.runId || run.cancelRequestedAt !== null) {
    throw new BerthError('state_conflict', 'Only a run in progress may call the model.', {
      hint: 'The run has ended or was cancelled; resume the agent with a new task.',
    })
  }
  if (call.modelId !== agent.model) {
    throw new BerthError('model_forbidden', `This agent may use ${agent.model}, not ${call.modelId.slice(0, 200)}.`)
  }
  const { limits } = agent
  const spentTokens = run.inputTokens + run.outputTokens
  const over =
    (limits.maxCostUsd !== null && run.costUsd >= limits.maxCostUsd && `$${limits.maxCostUsd} a run`) ||
    (limits.maxCostUsdTotal !== null &&
      agent.costUsd >= limits.maxCostUsdTotal &&
      `$${limits.maxCostUsdTotal} in all`) ||
    (limits.maxTokens !== null && spentTokens >= limits.maxTokens && `${limits.maxTokens} tokens a run`)
  if (over) {
    throw new BerthError('budget_exhausted', `The limit of ${over} is reached.`, {
      hint: 'Raise it and resume the agent.',
    })
  }
  const { apiKey, baseUrl } = parts.settings.openrouter
  if (apiKey === null) {
    throw new BerthError('model_key_missing', 'No model key is configured.', { hint: 'Set OPENROUTER_API_KEY.' })
  }
  const modelCallId = parts.ids.next('mdl')
  await parts.stores.modelCalls.open({ id: modelCallId, agentId: agent.id, runId: run.id, model: call.modelId })
  return { modelCallId, baseUrl, apiKey, maxTokens: null }
}

/** Settles a call once: its figures go to the call, the run, the agent and the log. */
export async function settleModelCall(
  parts: CoreParts,
  call: { agentId: string; runId: string; modelId: string; modelCallId: string; usage: ModelUsage },
): Promise<void> {
  const { usage } = call
  const { generationId: _id, ...figures } = usage
  await writeLog(parts, call.agentId, async (tx) => {
    if (!(await tx.settleModelCall(call.modelCallId, { ...usage, settledAt: parts.clock.now() }))) return
    await tx.updateRun(call.runId, {
      addInputTokens: usage.inputTokens,
      addOutputTokens: usage.outputTokens,
      addCostUsd: usage.costUsd ?? 0,
    })
    tx.update({ addCostUsd: usage.costUsd ?? 0 })
    tx.append('usage', { model: call.modelId, modelCallId: call.modelCallId, ...figures }, { runId: call.runId })
  })
}
