import { describe, expect, it } from 'vitest'
import { fillLimits } from '../../../../lib/domain/limits.ts'
import { type AskedCall, allowCall, type Spending } from '../../../../lib/domain/model-budget.ts'

const PRICE = { inputUsdPerMTok: 3, outputUsdPerMTok: 15 }
const NOTHING: Spending = {
  runUsd: 0,
  runHeldUsd: 0,
  totalUsd: 0,
  todayUsd: 0,
  heldUsd: 0,
  runTokens: 0,
  runHeldTokens: 0,
}
const NO_LIMITS = fillLimits({ maxCostUsd: null }, { maxSteps: 15, memoryBytes: 1, nanoCpus: 1 })
const CALL: AskedCall = { promptTokens: 10_000, maxTokens: 1_000 }

const allow = (
  input: Partial<Omit<Parameters<typeof allowCall>[0], 'limits' | 'spending'>> & {
    limits?: Partial<typeof NO_LIMITS>
    spending?: Partial<Spending>
  },
) =>
  allowCall({
    price: PRICE,
    call: CALL,
    ...input,
    limits: { ...NO_LIMITS, ...input.limits },
    spending: { ...NOTHING, ...input.spending },
  })

describe('a call', () => {
  it('holds the price of its prompt and of the longest answer it may get', () => {
    expect(allow({ limits: { maxCostUsd: 5 } })).toEqual({
      verdict: 'allowed',
      maxTokens: 1_000,
      promptTokens: 10_000,
      reservedTokens: 11_000,
      reservedUsd: 0.045,
    })
  })

  it('gets an answer no longer than each limit leaves room for', () => {
    const room = { maxTokens: 800, reservedUsd: 0.042 }
    expect(allow({ limits: { maxCostUsd: 0.042 } })).toMatchObject(room)
    expect(allow({ limits: { maxCostUsd: 1 }, spending: { runUsd: 0.958 } })).toMatchObject(room)
    expect(allow({ limits: { maxCostUsd: 1 }, spending: { runUsd: 0.5, runHeldUsd: 0.458 } })).toMatchObject(room)
    expect(allow({ limits: { maxCostUsdTotal: 1 }, spending: { totalUsd: 0.958 } })).toMatchObject(room)
    expect(allow({ limits: { maxCostUsdPerDay: 1 }, spending: { todayUsd: 0.5, heldUsd: 0.458 } })).toMatchObject(room)
    expect(allow({ limits: { maxTokens: 20_800 }, spending: { runTokens: 10_000 } })).toMatchObject({ maxTokens: 800 })
    expect(allow({ limits: { maxTokens: 10_800, maxCostUsd: 5 } })).toMatchObject(room)
  })

  it('that does not say how long its answer may be is held to what is left', () => {
    const call = { promptTokens: 10_000, maxTokens: null }
    expect(allow({ call, limits: { maxCostUsd: 0.18 } })).toMatchObject({ maxTokens: 10_000, reservedUsd: 0.18 })
    expect(allow({ call })).toMatchObject({ maxTokens: null, reservedTokens: 10_000, reservedUsd: null })
  })

  it('is refused when a limit is reached, or leaves room for no answer worth having', () => {
    expect(allow({ limits: { maxCostUsd: 1 }, spending: { runUsd: 1 } })).toEqual({
      verdict: 'exhausted',
      limit: 'maxCostUsd',
      message: 'The limit of $1 a run is reached.',
    })
    expect(allow({ limits: { maxCostUsdTotal: 1 }, spending: { totalUsd: 0.98 } })).toEqual({
      verdict: 'exhausted',
      limit: 'maxCostUsdTotal',
      message:
        'The limit of $1 in all leaves too little for this call: $0.98 is spent, and it may cost $0.03 with the shortest answer.',
    })
    expect(allow({ limits: { maxTokens: 10_100 } })).toEqual({
      verdict: 'exhausted',
      limit: 'maxTokens',
      message:
        'The limit of 10100 tokens a run leaves too few for this call: 0 are used, and its prompt has some 10000.',
    })
    expect(allow({ limits: { maxTokens: 10_100 }, spending: { runTokens: 10_100 } })).toMatchObject({
      message: 'The limit of 10100 tokens a run is reached.',
    })
  })

  it('whose whole answer is short is not refused for being short', () => {
    expect(allow({ call: { promptTokens: 10_000, maxTokens: 5 }, limits: { maxTokens: 10_005 } })).toMatchObject({
      verdict: 'allowed',
      maxTokens: 5,
    })
  })

  it('waits for those that are under way when only what they hold is in its way', () => {
    expect(allow({ limits: { maxCostUsd: 1 }, spending: { runHeldUsd: 0.98 } })).toEqual({ verdict: 'busy' })
    expect(allow({ limits: { maxTokens: 20_000 }, spending: { runHeldTokens: 15_000 } })).toEqual({ verdict: 'busy' })
    expect(
      allow({ limits: { maxCostUsd: 1, maxCostUsdTotal: 1 }, spending: { runHeldUsd: 0.98, totalUsd: 1 } }),
    ).toMatchObject({ verdict: 'exhausted' })
  })
})

describe('a model', () => {
  it('without a known price is held by tokens, and by money once that is spent', () => {
    const limits = { maxCostUsd: 1, maxTokens: 10_500 }
    expect(allow({ price: null, limits })).toMatchObject({ maxTokens: 500, reservedUsd: null, reservedTokens: 10_500 })
    expect(allow({ price: null, limits, spending: { runUsd: 1 } })).toMatchObject({
      message: 'The limit of $1 a run is reached.',
    })
  })

  it('that is free is held by tokens alone', () => {
    const price = { inputUsdPerMTok: 0, outputUsdPerMTok: 0 }
    expect(allow({ price, limits: { maxCostUsd: 0.01 } })).toMatchObject({ maxTokens: 1_000, reservedUsd: 0 })
  })

  it('whose answers are free still has to have its prompt paid', () => {
    const price = { inputUsdPerMTok: 3, outputUsdPerMTok: 0 }
    expect(allow({ price, limits: { maxCostUsd: 0.03 } })).toMatchObject({ maxTokens: 1_000, reservedUsd: 0.03 })
    expect(allow({ price, limits: { maxCostUsd: 0.02 } })).toMatchObject({ verdict: 'exhausted' })
    expect(allow({ price, limits: { maxCostUsd: 0.05 }, spending: { runHeldUsd: 0.03 } })).toEqual({ verdict: 'busy' })
  })
})
