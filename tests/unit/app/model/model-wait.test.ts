import { expect, it } from 'vitest'
import { describeWait, waitsForModel } from '../../../../app/model/model-wait.ts'
import { applyEvents, EMPTY_TRANSCRIPT } from '../../../../app/model/transcript.ts'

it('says first when the model is asked again, so that a long answer of its provider may be cut', () => {
  const message = `openrouter.ai answered 429: ${'Slow\ndown. '.repeat(40)}Attempt 4 follows in 30 s.`
  expect(describeWait(message)).toMatch(
    /^Waits for its model, attempt 4 in 30 s: openrouter\.ai answered 429: Slow down\./,
  )
  expect(describeWait(message)).not.toContain('follows')
})

it('leaves words of another form as they are', () => {
  expect(describeWait('The answer broke off.')).toBe('The answer broke off.')
})

it('is a wait until something of an answer comes, or the run ends', () => {
  let seq = 0
  const event = (type: string, data: Record<string, unknown>) => {
    seq += 1
    return { seq, type, runId: 'r', createdAt: '2026-01-01T00:00:00Z', data }
  }
  const last = (...events: Parameters<typeof applyEvents>[1]) => applyEvents(EMPTY_TRANSCRIPT, events).turns.at(-1)
  const begun = event('message', { text: 'Fix it', from: null })
  const retry = event('error', { code: 'provider_retry', message: 'm', abandonedMessageIds: [] })
  const text = event('text', { step: 1, messageId: 'm1', text: 'Here.' })
  const done = event('done', { reason: 'provider_error', steps: 0, inputTokens: 0, outputTokens: 0, durationMs: 1 })
  expect(waitsForModel(undefined)).toBe(false)
  expect(waitsForModel(last(begun))).toBe(false)
  expect(waitsForModel(last(begun, retry))).toBe(true)
  expect(waitsForModel(last(begun, retry, text))).toBe(false)
  expect(waitsForModel(last(begun, retry, done))).toBe(false)
})
