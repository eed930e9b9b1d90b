/**
 * The wire of one attempt. An answer that breaks off, is aborted or stands still ends for the SDK like any other, and what
 * happened is kept here: given a body that errors, the provider leaves unhandled rejections behind. Waiting for the head is
 * the gateway's to watch, but for the first answer of a run.
 */
import type { Clock } from '../../../lib/clock.ts'
import { FIRST_BYTE_MS, STALL_MS } from './defaults.ts'
import type { FirstAnswer } from './first-answer.ts'
import { cutStream, type ProviderFailure, silentStream, wordsOf } from './provider-failure.ts'

/** A `fetch` that may wait for a tunnel; `onSent` is called once the request leaves. */
export type ModelFetch = (...args: [...Parameters<typeof fetch>, onSent?: () => void]) => Promise<Response>

export interface WatchedLine {
  fetch: typeof fetch
  /** Why the answer ended before its end; null while it did not. */
  broken(): ProviderFailure | null
  end(): void
}

export interface WatchLineOptions {
  modelFetch: ModelFetch
  clock: Clock
  attempt: AbortController
  firstAnswer: FirstAnswer
}

export function watchLine({ modelFetch, clock, attempt, firstAnswer }: WatchLineOptions): WatchedLine {
  const ended = new AbortController()
  const begun = new AbortController()
  let broken: ProviderFailure | null = null
  let lastByteMs = 0
  let endWait = () => {}

  const giveUp = (failure: ProviderFailure) => {
    broken ??= failure
    attempt.abort()
  }
  const waitForFirst = () => {
    if (ended.signal.aborted) return
    endWait = firstAnswer.watch(() => giveUp(silentStream('The model provider has not begun to answer.'))).end
  }
  const patrol = (allowedMs: number, over: AbortSignal) => {
    const walk = async () => {
      for (let idleMs = 0; idleMs < allowedMs; idleMs = clock.monotonicMs() - lastByteMs) {
        await clock.sleep(allowedMs - idleMs, over)
      }
      giveUp(silentStream(`The answer broke off: nothing came for ${allowedMs / 1_000} s.`))
    }
    walk().catch((error) => {
      if (!over.aborted) attempt.abort(error)
    })
  }
  const begin = () => {
    if (begun.signal.aborted) return
    begun.abort()
    endWait()
    firstAnswer.begin()
    patrol(STALL_MS, ended.signal)
  }

  const watchedFetch: typeof fetch = async (input, init) => {
    const response = await modelFetch(input, init, waitForFirst)
    if (response.body === null || !response.ok) return response
    lastByteMs = clock.monotonicMs()
    patrol(FIRST_BYTE_MS, AbortSignal.any([ended.signal, begun.signal]))
    const reader = response.body.getReader()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          lastByteMs = clock.monotonicMs()
          if (done) return controller.close()
          begin()
          controller.enqueue(value)
        } catch (error) {
          const words = error instanceof Error ? wordsOf(error) : String(error)
          broken ??= cutStream(`The answer broke off: ${words}.`, error)
          controller.close()
        }
      },
      // The transport is told by the signal; a body that has failed already has nothing to cancel.
      cancel: () => attempt.abort(),
    })
    const { status, statusText, headers } = response
    return new Response(body, { status, statusText, headers })
  }
  const end = () => {
    endWait()
    ended.abort()
  }
  return { fetch: watchedFetch, broken: () => broken, end }
}
