/**
 * What one model call may use of an agent's limits, reckoned before it is forwarded: the price of its prompt and of `max_tokens`
 * is held until the provider's figure settles it. Pure. Owns: which limit says no, and how far `max_tokens` is lowered.
 */
import type { Limits } from './agent.ts'

/** US dollars for a million tokens. */
export interface ModelPrice {
  inputUsdPerMTok: number
  outputUsdPerMTok: number
}

/** What is spent already, and what open calls hold besides. */
export interface Spending {
  runUsd: number
  runHeldUsd: number
  totalUsd: number
  /** Of the agent's calls that began today (UTC). */
  todayUsd: number
  /** By any open call of the agent. */
  heldUsd: number
  /** Input and output. */
  runTokens: number
  runHeldTokens: number
}

export interface AskedCall {
  /** An estimate. */
  promptTokens: number
  /** Upper bound of the answer, as the sandbox or the model has it; null where neither says. */
  maxTokens: number | null
}

export type Allowance =
  | {
      verdict: 'allowed'
      /** For the call's `max_tokens`; null where nothing bounds it. */
      maxTokens: number | null
      promptTokens: number
      reservedTokens: number
      /** Null without a price, and where nothing bounds the answer. */
      reservedUsd: number | null
    }
  /** `message` says it in words for a person. */
  | { verdict: 'exhausted'; limit: LimitName; message: string }
  /** It would fit if the agent's other calls, which are not settled yet, cost nothing. */
  | { verdict: 'busy' }

export type LimitName = 'maxTokens' | 'maxCostUsd' | 'maxCostUsdTotal' | 'maxCostUsdPerDay'

/** An answer that is cut shorter than this is of no use: the call is refused instead. */
const LEAST_ANSWER_TOKENS = 256
/** As the column takes it; no model answers longer. */
const LARGEST_ANSWER_TOKENS = 10_000_000
/** What sums of dollars in binary lose. */
const ROUNDING_TOKENS = 1e-6

export function allowCall(input: {
  limits: Limits
  spending: Spending
  price: ModelPrice | null
  call: AskedCall
}): Allowance {
  const { price, call } = input
  const asked = call.maxTokens === null ? null : Math.min(call.maxTokens, LARGEST_ANSWER_TOKENS)
  const least = Math.min(asked ?? LEAST_ANSWER_TOKENS, LEAST_ANSWER_TOKENS)
  const bounds = readBounds(input)
  const narrow = bounds.find(({ answerTokens }) => answerTokens < least)
  if (narrow) {
    const others = bounds.every((bound) => bound.answerTokens + bound.heldAnswerTokens >= least)
    return others ? { verdict: 'busy' } : { verdict: 'exhausted', limit: narrow.name, message: narrow.message }
  }
  const lowest = Math.min(asked ?? Number.POSITIVE_INFINITY, ...bounds.map(({ answerTokens }) => answerTokens))
  const maxTokens = Number.isFinite(lowest) ? Math.min(lowest, LARGEST_ANSWER_TOKENS) : null
  return {
    verdict: 'allowed',
    maxTokens,
    promptTokens: call.promptTokens,
    reservedTokens: call.promptTokens + (maxTokens ?? 0),
    reservedUsd: price === null ? null : reservedPrice(price, call.promptTokens, maxTokens),
  }
}

function reservedPrice(price: ModelPrice, promptTokens: number, maxTokens: number | null): number | null {
  if (maxTokens === null && price.outputUsdPerMTok > 0) return null
  return priceOf(price, promptTokens, maxTokens ?? 0)
}

export function priceOf(price: ModelPrice, inputTokens: number, outputTokens: number): number {
  return (inputTokens * price.inputUsdPerMTok + outputTokens * price.outputUsdPerMTok) / 1_000_000
}

/** How long an answer one limit leaves room for, beside what is spent and held; and how much longer if nothing were held. */
interface Bound {
  name: LimitName
  answerTokens: number
  heldAnswerTokens: number
  message: string
}

function readBounds({ limits, spending, price, call }: Parameters<typeof allowCall>[0]): Bound[] {
  const costs = [
    { name: 'maxCostUsd', limit: limits.maxCostUsd, spent: spending.runUsd, held: spending.runHeldUsd, of: 'a run' },
    {
      name: 'maxCostUsdTotal',
      limit: limits.maxCostUsdTotal,
      spent: spending.totalUsd,
      held: spending.heldUsd,
      of: 'in all',
    },
    {
      name: 'maxCostUsdPerDay',
      limit: limits.maxCostUsdPerDay,
      spent: spending.todayUsd,
      held: spending.heldUsd,
      of: 'a day (UTC)',
    },
  ] as const
  const bounds: Bound[] = []
  for (const { name, limit, spent, held, of } of costs) {
    if (limit !== null) bounds.push({ name, ...costBound({ limit, spent, held, of, price, call }) })
  }
  const { maxTokens } = limits
  if (maxTokens !== null) {
    const { runTokens, runHeldTokens } = spending
    bounds.push({
      name: 'maxTokens',
      answerTokens: maxTokens - runTokens - runHeldTokens - call.promptTokens,
      heldAnswerTokens: runHeldTokens,
      message:
        runTokens >= maxTokens
          ? `The limit of ${maxTokens} tokens a run is reached.`
          : `The limit of ${maxTokens} tokens a run leaves too few for this call: ${runTokens} are used, and its prompt has some ${call.promptTokens}.`,
    })
  }
  return bounds
}

function costBound(input: {
  limit: number
  spent: number
  held: number
  of: string
  price: ModelPrice | null
  call: AskedCall
}): Omit<Bound, 'name'> {
  const { limit, spent, held, of, price, call } = input
  const room = limit - spent - held
  const reached = `The limit of $${limit} ${of} is reached.`
  if (price === null || price.outputUsdPerMTok === 0) {
    // Nothing to reckon with, or an answer that costs nothing: there is room or there is none.
    const needed = price === null ? 0 : priceOf(price, call.promptTokens, 0)
    const fits = (left: number) => (spent < limit && needed <= left ? Number.POSITIVE_INFINITY : 0)
    const message = spent >= limit ? reached : describeRest({ limit, spent, of, needed })
    return { answerTokens: fits(price === null ? limit - spent : room), heldAnswerTokens: fits(limit - spent), message }
  }
  const least = priceOf(price, call.promptTokens, Math.min(call.maxTokens ?? LEAST_ANSWER_TOKENS, LEAST_ANSWER_TOKENS))
  const tokensFor = (usd: number) => Math.floor((usd * 1_000_000) / price.outputUsdPerMTok + ROUNDING_TOKENS)
  return {
    answerTokens: tokensFor(room - priceOf(price, call.promptTokens, 0)),
    heldAnswerTokens: tokensFor(held),
    message: spent >= limit ? reached : describeRest({ limit, spent, of, needed: least }),
  }
}

function describeRest({ limit, spent, of, needed }: { limit: number; spent: number; of: string; needed: number }) {
  return `The limit of $${limit} ${of} leaves too little for this call: $${money(spent)} is spent, and it may cost $${money(needed)} with the shortest answer.`
}

function money(usd: number): string {
  return usd >= 0.01 ? usd.toFixed(2) : usd.toPrecision(2)
}
