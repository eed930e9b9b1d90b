/** What begins the first answer of a run: the first byte of one, not what it says. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ModelFetch } from '../../../../../container/bridge/executor/watch-line.ts'
import { closeRigs, createRig } from '../../../../support/executor-rig.ts'
import { type TestClock, testClock } from '../../../../support/test-clock.ts'

afterEach(closeRigs)

const encoder = new TextEncoder()
const KEEP_ALIVE = ': OPENROUTER PROCESSING\n\n'
const ANSWER = `data: ${JSON.stringify({ id: 'gen-1', choices: [{ index: 0, delta: { content: 'Done.' }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

/** An answer whose pieces come `everyMs` apart; each is made once the one before was read. */
function answering(pieces: string[], everyMs: number, clock: TestClock): ModelFetch {
  return async (_input, _init, onSent) => {
    onSent?.()
    let sent = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (sent > 0) clock.advance(everyMs)
          const piece = pieces[sent]
          sent += 1
          if (piece === undefined) controller.close()
          else controller.enqueue(encoder.encode(piece))
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
}

describe('the first answer of a run', () => {
  it('has begun with a keep-alive: a model may think in silence for longer than it had to begin', async () => {
    const clock = testClock()
    const pieces = [...Array.from({ length: 4 }, () => KEEP_ALIVE), ANSWER]
    const rig = await createRig([], { clock, modelFetch: answering(pieces, 100_000, clock) })
    expect((await rig.run()).data).toMatchObject({ reason: 'completed', summary: 'Done.' })
    expect(rig.types()).toEqual(['run_started', 'thinking', 'text', 'done'])
  })

  it('has not begun with a head that nothing follows', async () => {
    const clock = testClock()
    const silent: ModelFetch = async (_input, _init, onSent) => {
      onSent?.()
      clock.advance(200_000)
      return new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
    }
    const rig = await createRig([], { clock, modelFetch: silent })
    const ended = rig.run()
    await expect.poll(() => clock.sleeps).toContain(180_000)
    clock.advance(109_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(rig.types()).toEqual(['run_started', 'thinking'])
    clock.advance(1)
    expect((await ended).data).toMatchObject({
      reason: 'provider_error',
      message: expect.stringContaining('The model provider has not begun to answer.'),
    })
  })
})
