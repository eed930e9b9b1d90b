/** Only the bridge's own time is held against it. */
import { expect, it } from 'vitest'
import { Patience } from '../../../../../lib/services/sandbox/patience.ts'

const late = () => new Error('late')

/** Every sleep is over at once, and counted; `onSleep` is told of each. */
function countingClock(onSleep: (count: number) => void = () => {}) {
  let count = 0
  return {
    sleeps: () => count,
    async sleep(_ms: number, signal?: AbortSignal) {
      signal?.throwIfAborted()
      count += 1
      onSleep(count)
    },
  }
}

it('answers with what was waited for, and waits no more', async () => {
  const clock = countingClock()
  const patience = new Patience(clock)
  await expect(patience.within(60_000, Promise.resolve('whole'), late)).resolves.toBe('whole')
  expect(clock.sleeps()).toBeLessThan(60)
})

it('runs out after the time that it was given', async () => {
  const clock = countingClock()
  await expect(new Patience(clock).within(60_000, new Promise(() => {}), late)).rejects.toThrow('late')
  expect(clock.sleeps()).toBe(60)
})

it('does not count the time in which something else is waited for', async () => {
  const database = Promise.withResolvers<void>()
  const clock = countingClock((count) => {
    if (count === 500) database.resolve()
  })
  const patience = new Patience(clock)
  const storing = patience.notNow(database.promise)
  await expect(patience.within(60_000, new Promise(() => {}), late)).rejects.toThrow('late')
  await storing
  expect(clock.sleeps()).toBeGreaterThan(550)
})

it('begins anew with everything that comes', async () => {
  const clock = countingClock((count) => {
    if (count % 50 === 0 && count <= 500) patience.renew()
  })
  const patience: Patience = new Patience(clock)
  await expect(patience.within(60_000, new Promise(() => {}), late)).rejects.toThrow('late')
  expect(clock.sleeps()).toBe(560)
})
