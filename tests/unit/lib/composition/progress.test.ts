import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../../lib/clock.ts'
import { createProgress, describeDuration } from '../../../../lib/composition/progress.ts'

/** A clock that is moved by hand; sleepers wake when their time has come. */
function handClock(): Clock & { pass(ms: number): Promise<void> } {
  let now = 0
  const sleepers: { at: number; wake: () => void }[] = []
  return {
    now: () => new Date(now),
    monotonicMs: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ at: now + ms, wake: resolve })
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      }),
    async pass(ms) {
      now += ms
      for (const sleeper of sleepers) if (sleeper.at <= now) sleeper.wake()
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function setUp() {
  const lines: string[] = []
  const clock = handClock()
  return { lines, clock, progress: createProgress({ write: (line) => lines.push(line), clock }) }
}

describe('createProgress', () => {
  it('says nothing about short work, and answers its result', async () => {
    const { lines, progress } = setUp()
    expect(await progress.step('Counting', async () => 3)).toBe(3)
    expect(lines).toEqual([])
  })

  it('says what takes long, how it goes on, and how long it took', async () => {
    const { lines, clock, progress } = setUp()
    await progress.step('Building', async (note) => {
      await clock.pass(1_000)
      note('step 1')
      await clock.pass(2_500)
      note('step 2')
      await clock.pass(38_000)
      note('step 3')
    })
    expect(lines.filter((line) => !line.includes('so far'))).toEqual([
      'Building ...',
      '  step 1',
      '  step 2',
      '  step 3',
      'Building: done in 42 s',
    ])
  })

  it('shows the last of notes that come too close together, as soon as it is due', async () => {
    const { lines, clock, progress } = setUp()
    await progress.step('Building', async (note) => {
      note('step 1')
      await clock.pass(500)
      note('step 2')
      await clock.pass(500)
      note('step 3')
      expect(lines).toEqual(['Building ...', '  step 1'])
      await clock.pass(1_000)
      expect(lines).toEqual(['Building ...', '  step 1', '  step 3'])
      await clock.pass(5_000)
    })
    expect(lines).toEqual(['Building ...', '  step 1', '  step 3', 'Building: done in 7.0 s'])
  })

  it('says that silent work goes on, and what it was at last', async () => {
    const { lines, clock, progress } = setUp()
    await progress.step('Building', async (note) => {
      await clock.pass(15_000)
      note('step 1')
      await clock.pass(15_000)
      await clock.pass(15_000)
    })
    await clock.pass(60_000)
    expect(lines).toEqual([
      'Building ...',
      '  step 1',
      '  Building: 30 s so far (step 1)',
      '  Building: 45 s so far (step 1)',
      'Building: done in 45 s',
    ])
  })

  it('says what failed, and lets the failure through', async () => {
    const { lines, clock, progress } = setUp()
    const failing = progress.step('Building', async () => {
      await clock.pass(100)
      throw new Error('no space')
    })
    await expect(failing).rejects.toThrow('no space')
    expect(lines).toEqual(['Building: failed after 0.1 s'])
  })
})

describe('describeDuration', () => {
  it.each([
    [40, '0.0 s'],
    [9_940, '9.9 s'],
    [9_960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1 min 0 s'],
    [125_000, '2 min 5 s'],
  ])('writes %i ms as %s', (milliseconds, words) => {
    expect(describeDuration(milliseconds)).toBe(words)
  })
})
