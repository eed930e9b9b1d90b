/** The models that a person may choose from. */
import type { Limits } from '../../domain/agent.ts'
import { fillLimits } from '../../domain/limits.ts'
import type { ModelInfo } from '../../drivers/model/port.ts'
import type { Page } from '../agent/schemas.ts'
import type { Context } from '../context.ts'

/**
 * What the provider has; while it cannot be asked, the default model alone, without figures. Beside it what an agent gets
 * when nothing is said of its model and limits.
 */
export async function listModels({
  ctx,
}: {
  ctx: Context
}): Promise<Page<ModelInfo> & { defaultModel: string; defaultLimits: Limits }> {
  const { modelCatalog, settings } = ctx.parts
  const defaultModel = settings.defaultModel
  const unknown = {
    contextTokens: null,
    maxOutputTokens: null,
    inputPriceUsdPerMTok: null,
    outputPriceUsdPerMTok: null,
    cacheWritePriceUsdPerMTok: null,
  }
  const items = (await modelCatalog.list()) ?? [{ id: defaultModel, name: defaultModel, ...unknown }]
  const defaultLimits = fillLimits({}, { maxSteps: settings.maxSteps, ...settings.container })
  return { items, nextCursor: null, defaultModel, defaultLimits }
}
