/** OpenRouter's record of one generation (GET /generation?id=). The key goes to the configured origin only. */
import { z } from 'zod'
import { BerthError } from '../../../errors.ts'
import type { GenerationRecords } from '../port.ts'

const TIMEOUT_MS = 5_000

const count = z
  .number()
  .nonnegative()
  .nullish()
  .transform((value) => Math.round(value ?? 0))
const answer = z.looseObject({
  data: z.looseObject({
    tokens_prompt: count,
    tokens_completion: count,
    native_tokens_prompt: z.number().nonnegative().nullish(),
    native_tokens_completion: z.number().nonnegative().nullish(),
    native_tokens_reasoning: count,
    native_tokens_cached: count,
    total_cost: z.number().nonnegative(),
  }),
})

export function createOpenRouterGenerations(input: { baseUrl: string; apiKey: string | null }): GenerationRecords {
  const { baseUrl, apiKey } = input
  return {
    async find(generationId) {
      // Nobody to ask as.
      if (apiKey === null) return null
      const url = new URL(`${baseUrl}/generation`)
      url.searchParams.set('id', generationId)
      const response = await ask(url, apiKey)
      // 404, but also a key that has been taken back or a provider that has no such route: it will not say.
      if (response.status < 500 && response.status !== 429 && !response.ok) return null
      if (!response.ok) throw new BerthError('upstream_failed', `GET ${url.href} answered ${response.status}.`)
      const parsed = answer.safeParse(parseJson(await response.text()))
      if (!parsed.success) return null
      const { data } = parsed.data
      return {
        inputTokens: Math.round(data.native_tokens_prompt ?? data.tokens_prompt),
        outputTokens: Math.round(data.native_tokens_completion ?? data.tokens_completion),
        cachedInputTokens: data.native_tokens_cached,
        reasoningTokens: data.native_tokens_reasoning,
        costUsd: data.total_cost,
      }
    },
  }
}

async function ask(url: URL, apiKey: string): Promise<Response> {
  try {
    return await fetch(url, {
      headers: { authorization: `Bearer ${apiKey}`, 'user-agent': 'berth' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (cause) {
    throw new BerthError('upstream_failed', `GET ${url.href} could not be reached.`, { cause })
  }
}

/** Null for a page that is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
