/** Opens a model call: whether this run may make it, and what of its limits it holds while it is under way. */
import { allowCall, type ModelPrice } from '../../domain/model-budget.ts'
import type { ModelInfo } from '../../drivers/model/port.ts'
import { BerthError } from '../../errors.ts'
import type { ModelAccess, ModelGrant } from '../../gateway/ports.ts'
import type { BudgetState } from '../../store/stores.ts'
import type { CoreParts } from '../context.ts'

export type AskedModelCall = Parameters<ModelAccess['begin']>[0]

/** Each turn is lost to another call of the same agent, which got through. */
const MAX_TURNS = 50

/** Throws what ModelAccess says. `underWay` is told the call's id before anybody can find it in the database. */
export async function beginModelCall(
  parts: CoreParts,
  call: AskedModelCall,
  underWay: Set<string>,
): Promise<ModelGrant> {
  const { apiKey, baseUrl } = parts.settings.openrouter
  const model = await parts.modelCatalog.find(call.modelId)
  const modelCallId = parts.ids.next('mdl')
  underWay.add(modelCallId)
  try {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const state = await readState(parts, call)
      if (apiKey === null) {
        throw new BerthError('model_key_missing', 'No model key is configured.', {
          hint: 'Set OPENROUTER_API_KEY in .env and start Berth again.',
        })
      }
      const { maxTokens, promptTokens, reservedTokens, reservedUsd } = allow({ state, model, call })
      const opened = await parts.stores.modelCalls.open({
        id: modelCallId,
        agentId: call.agentId,
        runId: call.runId,
        model: call.modelId,
        promptTokens,
        reservedTokens,
        reservedUsd,
        version: state.version,
      })
      if (opened) return { modelCallId, baseUrl, apiKey, maxTokens }
    }
    throw tryAgain('Other model calls of this run came first, again and again.')
  } catch (error) {
    underWay.delete(modelCallId)
    throw error
  }
}

/** The model's price as far as it bounds a call: what is written to the provider's cache may cost more than the rest. */
export function toModelPrice(model: ModelInfo | null): ModelPrice | null {
  if (model === null || model.inputPriceUsdPerMTok === null || model.outputPriceUsdPerMTok === null) return null
  const inputUsdPerMTok = Math.max(model.inputPriceUsdPerMTok, model.cacheWritePriceUsdPerMTok ?? 0)
  return { inputUsdPerMTok, outputUsdPerMTok: model.outputPriceUsdPerMTok }
}

async function readState(parts: CoreParts, call: AskedModelCall): Promise<BudgetState> {
  const today = new Date(parts.clock.now().setUTCHours(0, 0, 0, 0))
  const state = await parts.stores.modelCalls.readBudget({ agentId: call.agentId, today })
  if (!state || state.run.id !== call.runId || state.run.cancelRequested) {
    throw new BerthError('state_conflict', 'Only a run in progress may call the model.', {
      hint: 'The run has ended or was cancelled; resume the agent with a new task.',
    })
  }
  if (call.modelId !== state.model) {
    throw new BerthError('model_forbidden', `This run may use ${state.model}, not ${call.modelId.slice(0, 200)}.`, {
      hint: 'A model that was chosen since holds from the next run on.',
    })
  }
  return state
}

function allow({ state, model, call }: { state: BudgetState; model: ModelInfo | null; call: AskedModelCall }) {
  const { limits, spending } = state
  const bounds = [call.maxTokens, model?.maxOutputTokens ?? null].filter((bound) => bound !== null)
  const allowance = allowCall({
    limits,
    spending,
    price: toModelPrice(model),
    call: {
      promptTokens: Math.min(call.promptTokens, model?.contextTokens ?? Number.POSITIVE_INFINITY),
      maxTokens: bounds.length === 0 ? null : Math.min(...bounds),
    },
  })
  if (allowance.verdict === 'exhausted') {
    const fields = [{ path: `limits.${allowance.limit}`, message: 'is used up' }]
    throw new BerthError('budget_exhausted', allowance.message, { fields })
  }
  if (allowance.verdict === 'busy') {
    throw tryAgain('What is left of a limit is held by another call of this agent, until its price is known.')
  }
  return allowance
}

function tryAgain(message: string): BerthError {
  return new BerthError('rate_limited', message, { hint: 'Ask again in some seconds.' })
}
