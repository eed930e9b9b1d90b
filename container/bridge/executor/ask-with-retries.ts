/**
 * A model call that is asked again while that can help: back-off with jitter, `Retry-After`, five minutes of waiting in all.
 * Owns: when to try again. Must not know: the log; it only tells what it is about to do.
 */
import type { Clock } from '../../../lib/clock.ts'
import type { ModelAnswer } from './answer.ts'
import { RETRY_FIRST_MS, RETRY_LONGEST_MS, RETRY_TOTAL_MS } from './defaults.ts'
import type { AskOptions, ModelClient, ModelRequest } from './model-client.ts'
import { ProviderFailure } from './provider-failure.ts'

export interface RetryNote {
  failure: ProviderFailure
  /** The attempt that failed, from 1. */
  attempt: number
  waitMs: number
  /** Messages whose deltas went out and whose text will not come. */
  abandonedMessageIds: string[]
}

export interface PatientAskOptions extends Omit<AskOptions, 'messageIds'> {
  clock: Clock
  newMessageId: () => string
  /** From 0 to 1. */
  random: () => number
  onRetry: (note: RetryNote) => void
}

/** Throws the last ProviderFailure when it is fatal or the time is up; the signal's reason when aborted. */
export async function askWithRetries(
  client: ModelClient,
  request: ModelRequest,
  options: PatientAskOptions,
): Promise<ModelAnswer> {
  const { clock, newMessageId, random, onRetry, signal } = options
  let waitedMs = 0
  for (let attempt = 1; ; attempt += 1) {
    const messageIds = { reasoning: newMessageId(), text: newMessageId() }
    try {
      return await client.ask(request, { ...options, messageIds })
    } catch (error) {
      if (signal.aborted || !(error instanceof ProviderFailure) || !error.retryable) throw error
      const waitMs = chooseWait(attempt, error.retryAfterMs, random())
      if (waitedMs + waitMs > RETRY_TOTAL_MS) throw error
      waitedMs += waitMs
      onRetry({ failure: error, attempt, waitMs, abandonedMessageIds: Object.values(messageIds) })
      await clock.sleep(waitMs, signal)
    }
  }
}

function chooseWait(attempt: number, retryAfterMs: number | null, random: number): number {
  const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (attempt - 1))
  return Math.max(retryAfterMs ?? 0, Math.round(longest * (1 - random / 2)))
}
