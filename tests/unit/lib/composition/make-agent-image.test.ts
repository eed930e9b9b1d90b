/** The agent image at a start: whatever becomes of it, the start goes on, and in time. */
import { describe, expect, it } from 'vitest'
import { type ImageMaking, makeAgentImage } from '../../../../lib/composition/make-agent-image.ts'
import { createProgress } from '../../../../lib/composition/progress.ts'
import { readSettings } from '../../../../lib/config.ts'
import { BerthError } from '../../../../lib/errors.ts'
import { testClock } from '../../../support/test-clock.ts'

const clock = testClock(0)

async function make(ensure: ImageMaking['ensure'], signal = new AbortController().signal) {
  const lines: string[] = []
  const progress = createProgress({ write: (line) => lines.push(line), clock })
  const settings = readSettings({}, '/nowhere')
  return { problem: await makeAgentImage({ settings, root: '/nowhere', progress, signal, clock, ensure }), lines }
}

/** Goes on until it is given up. */
const endless: ImageMaking['ensure'] = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

describe('the agent image at a start', () => {
  it('is given up after 15 minutes, with what makes it all the same', async () => {
    let isOver = false
    const making = make(endless).finally(() => {
      isOver = true
    })
    clock.advance(15 * 60_000 - 1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).toBe(false)
    clock.advance(1)
    const { problem, lines } = await making
    expect(problem).toMatchObject({
      code: 'image_missing',
      message: 'The agent image was not ready within the 15 minutes that a start waits for it.',
      hint: expect.stringContaining('npm run build-container'),
    })
    expect(lines.at(-1)).toBe('Preparing the agent image: failed after 15 min 0 s')
  })

  it('is given up at once with the start itself', async () => {
    const leaving = new AbortController()
    const making = make(endless, leaving.signal)
    leaving.abort(new Error('the start was given up'))
    await expect(making).rejects.toThrow('the start was given up')
  })

  it('that fails leaves its reason, after the last lines of its build', async () => {
    const logTail = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`)
    const failed = new BerthError('image_missing', 'It failed.', { details: { logTail } })
    const { problem, lines } = await make(async () => {
      throw failed
    })
    expect(problem).toBe(failed)
    expect(lines.slice(1)).toEqual(logTail.slice(-20).map((line) => `  | ${line}`))
  })

  it('that is there is no problem', async () => {
    expect((await make(async () => ({ image: 'berth-agent:test', built: false }))).problem).toBeNull()
  })
})
