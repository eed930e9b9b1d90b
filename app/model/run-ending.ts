/**
 * Why a run ended, in words, and what to do about it.
 * Owns: those words for the closed set of reasons. Must not know: React, the API.
 */
import type { DoneReason } from '../../container/contract/events.ts'
import type { Limits } from '../../lib/domain/agent.ts'
import { formatCost, formatLimit, formatTokens } from './format.ts'

export interface RunEnding {
  /** The word that stands in the state's place. */
  word: string
  /** What follows it, muted; begins with its own separator. */
  tail: string
  tone: 'ok' | 'warn' | 'danger' | 'muted'
  /** The next step, for the end of a turn. Empty where there is nothing to say. */
  advice: string
}

type EndingWords = (limits: Limits | null) => RunEnding

const STAYS = 'Files and conversation are kept.'

const ENDINGS: Record<DoneReason, EndingWords> = {
  completed: () => ({ word: 'Completed', tail: '', tone: 'ok', advice: '' }),
  step_limit: (limits) => ({
    word: 'Step limit',
    tail: limits ? ` reached at ${limits.maxSteps}` : ' reached',
    tone: 'warn',
    advice: `It stopped between steps. ${STAYS} Give another instruction to go on.`,
  }),
  token_budget: (limits) => ({
    word: 'Token limit',
    tail: limits?.maxTokens ? ` reached at ${formatTokens(limits.maxTokens)}` : ' reached',
    tone: 'warn',
    advice: `${STAYS} Give another instruction to go on.`,
  }),
  cost_budget: (limits) => ({
    word: 'Cost limit',
    tail: limits?.maxCostUsd ? ` reached at ${formatCost(limits.maxCostUsd)}` : ' reached',
    tone: 'warn',
    advice: `${STAYS} Give another instruction to go on with a new budget.`,
  }),
  time_limit: (limits) => ({
    word: 'Time limit',
    tail: limits ? ` reached at ${formatLimit(limits.maxDurationMs)}` : ' reached',
    tone: 'warn',
    advice: `${STAYS} Give another instruction to go on.`,
  }),
  loop_detected: () => ({
    word: 'Stopped',
    tail: ': it was going round in circles',
    tone: 'warn',
    advice: `It repeated the same calls without getting further. ${STAYS} Tell it what to try instead.`,
  }),
  cancelled: () => ({ word: 'Cancelled', tail: '', tone: 'muted', advice: `${STAYS}` }),
  provider_error: () => ({
    word: 'Failed',
    tail: ': the model did not answer',
    tone: 'danger',
    // What to do about the provider stands in the run's own message.
    advice: `${STAYS} Give another instruction to go on.`,
  }),
  disk_limit: () => ({
    word: 'Disk limit',
    tail: ' reached',
    tone: 'warn',
    advice: `${STAYS} Raise the limit, or free space where the disk itself is full; then give the instruction again.`,
  }),
  sandbox_lost: () => ({
    word: 'Failed',
    tail: ': the container was lost',
    tone: 'danger',
    advice: `${STAYS} Give the instruction again; a new container takes up the files.`,
  }),
  failed: () => ({
    word: 'Failed',
    tail: '',
    tone: 'danger',
    advice: `${STAYS} Give the instruction again, or another one.`,
  }),
}

/** `reason` may be one that this page does not know yet; then it is shown as it is. */
export function describeEnding(reason: string, limits: Limits | null): RunEnding {
  const words = ENDINGS[reason as DoneReason] as EndingWords | undefined
  return words?.(limits) ?? { word: 'Ended', tail: `: ${reason.replaceAll('_', ' ')}`, tone: 'muted', advice: '' }
}
