/**
 * A model call that is asked again while that can help: back-off with jitter, `Retry-After`, five minutes of waiting in all.
 * Owns: when to try again. Must not know: the log; it only tells what it is about to do.
 */
import type { ModelAnswer } from './answer.ts'
import { RETRY_FIRST_MS, RETRY_LONGEST_MS, RETRY_TOTAL_MS, STALL_MS } from './defaults.ts'
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
  const { newMessageId, random, onRetry, signal, firstAnswer } = options
  let waitedMs = 0
  for (let attempt = 1; ; attempt += 1) {
    const messageIds = { reasoning: newMessageId(), text: newMessageId() }
    try {
      return await client.ask(request, { ...options, messageIds })
    } catch (error) {
      if (signal.aborted || !(error instanceof ProviderFailure) || !error.retryable) throw error
      const waitMs = chooseWait(attempt, error.retryAfterMs, random())
      waitedMs += waitMs + (error.silent ? STALL_MS : 0)
      if (!firstAnswer.hasRoomFor(waitMs) || waitedMs > RETRY_TOTAL_MS) throw giveUp(error, attempt)
      onRetry({ failure: error, attempt, waitMs, abandonedMessageIds: Object.values(messageIds) })
      await firstAnswer.pause(waitMs, signal)
    }
  }
}

function chooseWait(attempt: number, retryAfterMs: number | null, random: number): number {
  const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (attempt - 1))
  return Math.max(retryAfterMs ?? 0, Math.round(longest * (1 - random / 2)))
}

function giveUp(failure: ProviderFailure, attempts: number): ProviderFailure {
  const { retryAfterMs } = failure
  const patience = `the ${RETRY_TOTAL_MS / 60_000} minutes that a run waits for an answer`
  failure.givenUp =
    retryAfterMs !== null && retryAfterMs > RETRY_LONGEST_MS
      ? `It asks to wait for ${describeWait(retryAfterMs)}, which is more than is left of ${patience}.`
      : `It was asked ${attempts === 1 ? 'once' : `${attempts} times`}, and ${patience} are over.`
  return failure
}

function describeWait(ms: number): string {
  if (ms > 48 * 3_600_000) return 'more than two days'
  if (ms > 2 * 3_600_000) return `${Math.ceil(ms / 3_600_000)} hours`
  return ms > 2 * 60_000 ? `${Math.ceil(ms / 60_000)} minutes` : `${Math.ceil(ms / 1_000)} seconds`
}
