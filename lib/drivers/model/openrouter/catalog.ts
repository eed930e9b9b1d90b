/**
 * The catalogue of OpenRouter (GET /models). After ten minutes it is asked again, and what was known serves meanwhile: every
 * model call looks its price up here. A failure is remembered for a minute and forgets nothing.
 */
import { z } from 'zod'
import { type Clock, systemClock } from '../../../clock.ts'
import type { Logger } from '../../../logger.ts'
import type { ModelCatalog, ModelInfo } from '../port.ts'

const FRESH_MS = 10 * 60_000
const FAILURE_MS = 60_000
const TIMEOUT_MS = 5_000

const answer = z.looseObject({
  data: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string().optional(),
      context_length: z.number().nullish(),
      top_provider: z.looseObject({ max_completion_tokens: z.number().nullish() }).nullish(),
      pricing: z
        .looseObject({
          prompt: z.string().optional(),
          completion: z.string().optional(),
          input_cache_write: z.string().optional(),
        })
        .nullish(),
    }),
  ),
})

export function createOpenRouterCatalog(input: { baseUrl: string; logger: Logger; clock?: Clock }): ModelCatalog {
  const { baseUrl, logger, clock = systemClock } = input
  let known: { models: ModelInfo[] | null; until: number } | null = null
  let asking: Promise<ModelInfo[] | null> | null = null

  const ask = async (): Promise<ModelInfo[] | null> => {
    try {
      const response = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
      if (!response.ok) throw new Error(`GET ${baseUrl}/models answered ${response.status}`)
      return answer.parse(await response.json()).data.map(toModelInfo)
    } catch (error) {
      logger.warn('the list of models could not be read', { error })
      return null
    }
  }

  const list = async () => {
    if (known && known.until > clock.monotonicMs()) return known.models
    asking ??= ask().then((answered) => {
      const models = answered ?? known?.models ?? null
      known = { models, until: clock.monotonicMs() + (answered ? FRESH_MS : FAILURE_MS) }
      asking = null
      return models
    })
    return known?.models ?? (await asking)
  }
  return { list, find: async (id) => (await list())?.find((model) => model.id === id) ?? null }
}

function toModelInfo(model: z.infer<typeof answer>['data'][number]): ModelInfo {
  return {
    id: model.id,
    name: model.name ?? model.id,
    contextTokens: model.context_length ?? null,
    maxOutputTokens: model.top_provider?.max_completion_tokens ?? null,
    inputPriceUsdPerMTok: toPricePerMTok(model.pricing?.prompt),
    outputPriceUsdPerMTok: toPricePerMTok(model.pricing?.completion),
    cacheWritePriceUsdPerMTok: toPricePerMTok(model.pricing?.input_cache_write),
  }
}

/** Prices come as dollars a token, in a string. */
function toPricePerMTok(price: string | undefined): number | null {
  const value = price === undefined ? Number.NaN : Number(price)
  return Number.isFinite(value) && value >= 0 ? value * 1_000_000 : null
}
