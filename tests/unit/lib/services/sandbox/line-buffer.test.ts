import { describe, expect, it } from 'vitest'
import { LineBuffer } from '../../../../../lib/services/sandbox/line-buffer.ts'

const line = (n: number, text = '') => ({
  event: { n, type: 'text', runId: null, at: '2026-01-01T00:00:00.000Z', data: { text } },
})
const delta = { type: 'text_delta' as const, runId: null, data: { messageId: 'm', offset: 0, delta: 'x' } }

/** Whether a push has been taken by the time everything that could go on went on. */
async function isTaken(push: Promise<void>): Promise<boolean> {
  const later = new Promise<false>((resolve) => setImmediate(() => resolve(false)))
  return Promise.race([push.then(() => true as const), later])
}

describe('lines between the socket and the database', () => {
  it('go together up to the next delta, and deltas before the lines that follow them', async () => {
    const buffer = new LineBuffer()
    for (const item of [line(1), line(2), { delta }, line(3)]) await buffer.push(item)
    expect(await buffer.take()).toEqual({ deltas: [], lines: [line(1), line(2)] })
    expect(await buffer.take()).toEqual({ deltas: [delta], lines: [line(3)] })
  })

  it('hold the reader back once there are many, until the writer takes them', async () => {
    const buffer = new LineBuffer()
    for (let n = 1; n < 512; n += 1) expect(await isTaken(buffer.push(line(n)))).toBe(true)
    const held = buffer.push(line(512))
    expect(await isTaken(held)).toBe(false)
    expect((await buffer.take())?.lines).toHaveLength(512)
    await held
  })

  it('hold the reader back once they are large, until the writer takes them', async () => {
    const buffer = new LineBuffer()
    const large = 'x'.repeat(1024 * 1024)
    for (let n = 1; n < 4; n += 1) expect(await isTaken(buffer.push(line(n, large)))).toBe(true)
    const held = buffer.push(line(4, large))
    expect(await isTaken(held)).toBe(false)
    await buffer.take()
    await held
    expect(await isTaken(buffer.push(line(5, large)))).toBe(true)
  })

  it('let the reader go when the writer gave up', async () => {
    const buffer = new LineBuffer()
    const held = buffer.push(line(1, 'x'.repeat(5 * 1024 * 1024)))
    expect(await isTaken(held)).toBe(false)
    buffer.giveUp()
    await held
    expect([buffer.isGivenUp, buffer.stopped.aborted]).toEqual([true, true])
  })
})
