import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../lib/clock.ts'
import { orAborted, withinDeadline } from '../../../lib/deadline.ts'
import { BerthError } from '../../../lib/errors.ts'

const late = new BerthError('start_failed', 'It took too long.')

/** A clock whose only sleep ends when the test says so. */
function handClock() {
  const time = Promise.withResolvers<void>()
  let asked: { ms: number; signal: AbortSignal | undefined } | null = null
  const clock: Clock = {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: (ms, signal) => {
      asked = { ms, signal }
      signal?.addEventListener('abort', () => time.reject(signal.reason))
      return time.promise
    },
  }
  return { clock, pass: () => time.resolve(), asked: () => asked }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('work within a deadline', () => {
  it('that ends in time answers, and the deadline is forgotten', async () => {
    const { clock, asked } = handClock()
    const signal = new AbortController().signal
    expect(await withinDeadline({ clock, ms: 500, signal, late }, async () => 'done')).toBe('done')
    expect(asked()).toMatchObject({ ms: 500, signal: { aborted: true } })
  })

  it('that is late is aborted, with the words for it', async () => {
    const { clock, pass } = handClock()
    const signal = new AbortController().signal
    const work = withinDeadline({ clock, ms: 500, signal, late }, untilAborted)
    pass()
    await expect(work).rejects.toBe(late)
  })

  it('that is late and knows more says what it knows', async () => {
    const { clock, pass } = handClock()
    const signal = new AbortController().signal
    const told = new BerthError('start_failed', 'It took too long.', { details: { logTail: ['boom'] } })
    const work = withinDeadline({ clock, ms: 500, signal, late }, (timed) =>
      untilAborted(timed).catch(() => {
        throw told
      }),
    )
    pass()
    await expect(work).rejects.toBe(told)
  })

  it('that says nothing of its own when it is late gets the words for it', async () => {
    const { clock, pass } = handClock()
    const signal = new AbortController().signal
    const work = withinDeadline({ clock, ms: 500, signal, late }, (timed) =>
      untilAborted(timed).catch(() => {
        throw new Error('socket closed')
      }),
    )
    pass()
    await expect(work).rejects.toBe(late)
  })

  it('that is given up throws the reason of that', async () => {
    const { clock } = handClock()
    const ending = new AbortController()
    const reason = new Error('stopped')
    const work = withinDeadline({ clock, ms: 500, signal: ending.signal, late }, untilAborted)
    ending.abort(reason)
    await expect(work).rejects.toBe(reason)
  })
})

describe('what knows of no signal', () => {
  it('is waited for until it aborts', async () => {
    const ending = new AbortController()
    const reason = new Error('stopped')
    const waiting = orAborted(new Promise(() => {}), ending.signal)
    ending.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(await orAborted(Promise.resolve(7), new AbortController().signal)).toBe(7)
    await expect(orAborted(new Promise(() => {}), ending.signal)).rejects.toBe(reason)
  })
})
