/** Default limits of an agent, and filling in what a request left out. */
import type { Limits } from './agent.ts'

export interface LimitDefaults {
  maxSteps: number
  memoryBytes: number
  nanoCpus: number
}

/** Limits with every field set. Null stands for "no limit", absent for "the default". */
export function fillLimits(given: Partial<Limits>, defaults: LimitDefaults): Limits {
  return {
    maxSteps: given.maxSteps ?? defaults.maxSteps,
    maxTokens: given.maxTokens ?? null,
    maxCostUsd: given.maxCostUsd === undefined ? 5 : given.maxCostUsd,
    maxCostUsdTotal: given.maxCostUsdTotal ?? null,
    maxCostUsdPerDay: given.maxCostUsdPerDay ?? null,
    maxDurationMs: given.maxDurationMs ?? 2 * 3_600_000,
    memoryBytes: given.memoryBytes ?? defaults.memoryBytes,
    nanoCpus: given.nanoCpus ?? defaults.nanoCpus,
    pids: given.pids ?? 512,
    diskBytes: given.diskBytes ?? null,
  }
}
