/** What OpenRouter tells of a key and of past generations (`GET /key`, `/credits`, `/generation`). Pure shapes. */
import type { Reply } from './script.ts'
import { finishOf, type Generation, type WireUsage } from './wire.ts'

export type GenerationRecord = ReturnType<typeof generationShape>

export function generationShape(input: { generation: Generation; reply: Reply; usage: WireUsage; now: Date }) {
  const { generation, reply, usage, now } = input
  return {
    id: generation.id,
    created_at: now.toISOString(),
    model: generation.model.id,
    provider_name: 'Scripted',
    streamed: true,
    cancelled: false,
    finish_reason: finishOf(reply),
    tokens_prompt: usage.prompt_tokens,
    tokens_completion: usage.completion_tokens,
    native_tokens_prompt: usage.prompt_tokens,
    native_tokens_completion: usage.completion_tokens,
    native_tokens_reasoning: usage.completion_tokens_details.reasoning_tokens,
    native_tokens_cached: usage.prompt_tokens_details.cached_tokens,
    total_cost: usage.cost ?? 0,
    usage: usage.cost ?? 0,
    is_byok: false,
  }
}

/** `limitUsd`: what may be spent with the key; null: no limit of its own. */
export function keyShape(totalCostUsd: number, limitUsd: number | null) {
  return {
    label: 'sk-or-v1-scripted',
    usage: totalCostUsd,
    limit: limitUsd,
    limit_remaining: limitUsd === null ? null : limitUsd - totalCostUsd,
    is_free_tier: false,
    is_provisioning_key: false,
    rate_limit: { requests: -1, interval: '10s', note: 'This field is deprecated and safe to ignore.' },
  }
}

export function totalCost(generations: Iterable<GenerationRecord>): number {
  return [...generations].reduce((sum, generation) => sum + generation.total_cost, 0)
}
