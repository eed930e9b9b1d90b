import { describe, expect, it } from 'vitest'
import { checkLimits } from '../../../../../container/bridge/executor/limits.ts'

const limits = { maxSteps: 10, maxTokens: 1_000, maxCostUsd: 5, maxDurationMs: 600_000, maxDiskBytes: 10_000_000 }
const usage = { steps: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, durationMs: 0, diskBytes: 0 }

describe('checkLimits', () => {
  it('lets a run go on that is below 80 % of everything', () => {
    expect(
      checkLimits(
        { ...usage, steps: 7, inputTokens: 700, outputTokens: 99, costUsd: 3.9, durationMs: 479_999 },
        limits,
      ),
    ).toEqual({ ending: null, near: [] })
  })

  it.each([
    [{ steps: 8 }, 'steps', '8 of 10 steps are used, 2 are left.'],
    [{ inputTokens: 500, outputTokens: 300 }, 'tokens', '800 of 1000 tokens are used.'],
    [{ costUsd: 4 }, 'cost', '4.00 of 5.00 US dollars are used.'],
    [{ durationMs: 480_000 }, 'time', '8.0 of 10 minutes are used.'],
    [{ diskBytes: 8_000_000 }, 'disk', '8 of 10 MB on the disk are used: delete what is not needed.'],
  ])('names what is nearly used up: %o', (used, name, warning) => {
    expect(checkLimits({ ...usage, ...used }, limits)).toMatchObject({ ending: null, near: [{ name, warning }] })
  })

  it.each([
    [{ steps: 10 }, 'step_limit'],
    [{ inputTokens: 1_000 }, 'token_budget'],
    [{ costUsd: 5 }, 'cost_budget'],
    [{ durationMs: 600_000 }, 'time_limit'],
    [{ diskBytes: 10_000_000 }, 'disk_limit'],
  ])('ends a run at 100 %: %o', (used, reason) => {
    expect(checkLimits({ ...usage, ...used }, limits).ending?.reason).toBe(reason)
  })

  it('knows no limit where there is none', () => {
    const open = { ...limits, maxTokens: null, maxCostUsd: null, maxDiskBytes: null }
    expect(checkLimits({ ...usage, inputTokens: 1e9, costUsd: 1e6 }, open)).toEqual({ ending: null, near: [] })
  })
})
