/** The limits of a run, all checked here, before each model call. Pure. */
import type { RunLimits } from '../../contract/bridge.ts'
import type { DoneReason } from '../../contract/events.ts'
import { WARN_AT } from './defaults.ts'

/** What a run has used. */
export interface RunUsage {
  steps: number
  inputTokens: number
  outputTokens: number
  /** US dollars, as far as the provider gave figures; the gateway's count is the one that holds. */
  costUsd: number
  durationMs: number
  /** What the agent's files take; 0 until it was measured. */
  diskBytes: number
}

export type LimitName = 'steps' | 'tokens' | 'cost' | 'time' | 'disk'

interface Meter {
  name: LimitName
  reason: DoneReason
  used: number
  limit: number
  /** What the model reads at 80 %. */
  warning: string
  /** What the person reads at 100 %. */
  ending: string
}

export interface LimitCheck {
  ending: { reason: DoneReason; message: string } | null
  /** Limits of which 80 % are used. */
  near: { name: LimitName; warning: string }[]
}

export function checkLimits(usage: RunUsage, limits: RunLimits): LimitCheck {
  const meters = readMeters(usage, limits)
  const spent = meters.find((meter) => meter.used >= meter.limit)
  return {
    ending: spent ? { reason: spent.reason, message: spent.ending } : null,
    near: meters.filter((meter) => meter.used >= meter.limit * WARN_AT),
  }
}

function readMeters(usage: RunUsage, limits: RunLimits): Meter[] {
  const { maxSteps, maxTokens, maxCostUsd, maxDurationMs, maxDiskBytes = null } = limits
  const tokens = usage.inputTokens + usage.outputTokens
  const meters: Meter[] = [
    {
      name: 'steps',
      reason: 'step_limit',
      used: usage.steps,
      limit: maxSteps,
      warning: `${usage.steps} of ${maxSteps} steps are used, ${maxSteps - usage.steps} ${maxSteps - usage.steps === 1 ? 'is' : 'are'} left.`,
      ending: `All ${maxSteps} steps of this run are used. Resume the agent to go on from here; maxSteps sets how many a run may take.`,
    },
    {
      name: 'time',
      reason: 'time_limit',
      used: usage.durationMs,
      limit: maxDurationMs,
      warning: `${minutes(usage.durationMs)} of ${minutes(maxDurationMs)} minutes are used.`,
      ending: timeEnding(maxDurationMs),
    },
  ]
  if (maxTokens !== null) {
    meters.push({
      name: 'tokens',
      reason: 'token_budget',
      used: tokens,
      limit: maxTokens,
      warning: `${tokens} of ${maxTokens} tokens are used.`,
      ending: `This run has used ${tokens} tokens of ${maxTokens}. Resume the agent to go on from here; maxTokens sets how many a run may use.`,
    })
  }
  if (maxCostUsd !== null) {
    meters.push({
      name: 'cost',
      reason: 'cost_budget',
      used: usage.costUsd,
      limit: maxCostUsd,
      warning: `${usage.costUsd.toFixed(2)} of ${maxCostUsd.toFixed(2)} US dollars are used.`,
      ending: `This run has cost ${usage.costUsd.toFixed(2)} of ${maxCostUsd.toFixed(2)} US dollars. Resume the agent to go on from here; maxCostUsd sets what a run may cost.`,
    })
  }
  if (maxDiskBytes !== null) {
    meters.push({
      name: 'disk',
      reason: 'disk_limit',
      used: usage.diskBytes,
      limit: maxDiskBytes,
      warning: `${megabytes(usage.diskBytes)} of ${megabytes(maxDiskBytes)} MB on the disk are used: delete what is not needed.`,
      ending: diskEnding(usage.diskBytes, maxDiskBytes),
    })
  }
  return meters
}

export function diskEnding(usedBytes: number, limitBytes: number): string {
  return `The files of this agent take ${megabytes(usedBytes)} of ${megabytes(limitBytes)} MB. Raise its diskBytes with PATCH, then resume the agent: with so many files the next run would end at once.`
}

/** What the person reads where the limit cannot be held. */
export function diskUnmeasured(why: string, limitBytes: number): string {
  return `The files of this agent could not be measured, so that its limit of ${megabytes(limitBytes)} MB does not hold. ${why} It is tried again; until then watch the disk, and stop the agent if it takes too much.`
}

function megabytes(bytes: number): string {
  return Math.ceil(bytes / 1_000_000).toFixed(0)
}

export function timeEnding(maxDurationMs: number): string {
  return `The ${minutes(maxDurationMs)} minutes of this run are over. Resume the agent to go on from here; maxDurationMs sets how long a run may take.`
}

function minutes(ms: number): string {
  const value = ms / 60_000
  return value >= 10 ? value.toFixed(0) : value.toFixed(1)
}
