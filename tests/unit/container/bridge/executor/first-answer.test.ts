/** What begins the first answer of a run: the first byte of one, not what it says. */
import { afterEach, describe, expect, it } from 'vitest'
import type { ModelFetch } from '../../../../../container/bridge/executor/watch-line.ts'
import { closeRigs, createRig } from '../../../../support/executor-rig.ts'
import { type TestClock, testClock } from '../../../../support/test-clock.ts'

afterEach(closeRigs)

const encoder = new TextEncoder()
const KEEP_ALIVE = ': OPENROUTER PROCESSING\n\n'
const ANSWER = `data: ${JSON.stringify({ id: 'gen-1', choices: [{ index: 0, delta: { content: 'Done.' }, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`

const CALL = `data: ${JSON.stringify({ id: 'gen-1', choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'echo', arguments: '{"value":"it"}' } }] }, finish_reason: 'tool_calls' }] })}\n\ndata: [DONE]\n\n`

interface Piece {
  /** What passes before it, once the one before was read; of the first one after the head. */
  afterMs: number
  text: string
}

/** Answers one call after the other. */
function answering(clock: TestClock, answers: Piece[][]) {
  const fetch: ModelFetch = async (_input, _init, onSent) => {
    onSent?.()
    const pieces = answers.shift() ?? []
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const piece = pieces.shift()
          if (piece === undefined) return controller.close()
          // Whoever watches the silence does so by now.
          await new Promise((resolve) => setImmediate(resolve))
          clock.advance(piece.afterMs)
          controller.enqueue(encoder.encode(piece.text))
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return fetch
}

describe('the first answer of a run', () => {
  it('has begun with a keep-alive: a model may think in silence for longer than it had to begin', async () => {
    const clock = testClock()
    const keepAlive = { afterMs: 100_000, text: KEEP_ALIVE }
    const pieces = [...Array.from({ length: 4 }, () => keepAlive), { afterMs: 100_000, text: ANSWER }]
    const rig = await createRig([], { clock, modelFetch: answering(clock, [pieces]) })
    expect((await rig.run()).data).toMatchObject({ reason: 'completed', summary: 'Done.' })
    expect(rig.types()).toEqual(['run_started', 'thinking', 'text', 'done'])
  })

  it('may take nearly all of its time after the head, as every other may', async () => {
    const clock = testClock()
    const slow = (text: string) => [{ afterMs: 250_000, text }]
    const rig = await createRig([], { clock, modelFetch: answering(clock, [slow(CALL), slow(ANSWER)]) })
    expect((await rig.run()).data).toMatchObject({ reason: 'completed', steps: 2, durationMs: 500_000 })
    expect(rig.types()).not.toContain('error')
  })

  it('is not asked for again where hardly any of its time is left', async () => {
    const clock = testClock()
    let asked = 0
    const refuse: ModelFetch = async (_input, _init, onSent) => {
      asked += 1
      onSent?.()
      clock.advance(90_000)
      return new Response('Try later', { status: 502 })
    }
    const rig = await createRig([], { clock, modelFetch: refuse })
    expect((await rig.run()).data).toMatchObject({ reason: 'provider_error', durationMs: 273_000 })
    expect(asked).toBe(3)
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
    await expect.poll(() => clock.sleeps).toContain(290_000)
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
