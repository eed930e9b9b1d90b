/**
 * What a model call cost, once it is known: by the provider's figure in its answer; where the answer broke off, by the
 * provider's own record of it; and where there is none, in full, so that nobody gains by cutting an answer short.
 */
import { priceOf } from '../../domain/model-budget.ts'
import type { ModelAccess, ModelUsage } from '../../gateway/ports.ts'
import type { OpenModelCall } from '../../store/stores.ts'
import type { CoreParts } from '../context.ts'
import { writeSettlement } from '../event/write.ts'
import { toModelPrice } from './begin.ts'

export type EndedModelCall = Parameters<ModelAccess['settle']>[0]
type CallName = Pick<EndedModelCall, 'agentId' | 'runId' | 'modelId' | 'modelCallId'>

/** A record appears some seconds after its call; later than this it is not waited for. */
const RECORD_DEADLINE_MS = 2 * 60_000

/** Settles a call that has ended, or notes that it was cut and leaves it to `settleOpenCall`. */
export async function settleModelCall(parts: CoreParts, call: EndedModelCall): Promise<void> {
  const { usage, cut, modelCallId } = call
  if (cut && !usage.complete) {
    const { inputTokens, outputTokens, generationId } = usage
    await parts.stores.modelCalls.noteCut(modelCallId, {
      inputTokens,
      outputTokens,
      generationId,
      cutAt: parts.clock.now(),
    })
    const open = await parts.stores.modelCalls.find(modelCallId)
    // Nothing to ask by: no use in waiting.
    if (open?.generationId === null) await settleOpenCall(parts, open)
    return
  }
  await store(parts, call, { ...usage, costUsd: usage.costUsd ?? (await reckonCost(parts, call)) })
}

/**
 * Settles a call whose answer nobody heard to its end. False while the provider's record may still come. Throws when the
 * provider cannot be asked now.
 */
export async function settleOpenCall(parts: CoreParts, call: OpenModelCall): Promise<boolean> {
  const { agentId, runId, model: modelId, id: modelCallId, generationId } = call
  const name: CallName = { agentId, runId, modelId, modelCallId }
  const record = generationId === null ? null : await parts.generations.find(generationId)
  if (record) {
    await store(parts, name, { ...record, generationId, complete: true })
    return true
  }
  const since = call.cutAt ?? call.createdAt
  if (generationId !== null && parts.clock.now().getTime() - since.getTime() < RECORD_DEADLINE_MS) return false
  await store(parts, name, await inFull(parts, call))
  return true
}

/** What was held is taken: in dollars where they were held, in tokens where they are limited. */
async function inFull(parts: CoreParts, call: OpenModelCall): Promise<ModelUsage> {
  const agent = await parts.stores.agents.find(call.agentId)
  const { inputTokens, generationId, reservedUsd: costUsd } = call
  const held = Math.max(0, call.reservedTokens - inputTokens)
  const isLimited = agent !== null && agent.limits.maxTokens !== null
  const outputTokens = isLimited ? held : (call.outputTokens ?? 0)
  return { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0, costUsd, generationId, complete: false }
}

/** For providers that count tokens and no money. */
async function reckonCost(parts: CoreParts, { modelId, usage }: EndedModelCall): Promise<number | null> {
  const price = toModelPrice(await parts.modelCatalog.find(modelId))
  return price && priceOf(price, usage.inputTokens, usage.outputTokens)
}

/** Once: the figures go to the call, the run, the agent and the log together. */
async function store(parts: CoreParts, call: CallName, usage: ModelUsage): Promise<void> {
  const { generationId: _id, ...figures } = usage
  const { agentId, runId, modelId: model, modelCallId } = call
  await writeSettlement(parts, { id: modelCallId, agentId, runId, usage, event: { model, modelCallId, ...figures } })
}
