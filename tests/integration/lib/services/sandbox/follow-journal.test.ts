/** What a sandbox writes, as it comes into the log: in order, and no more than it may. */
import { describe, expect, it } from 'vitest'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('what is being written', () => {
  it('is shown after the events that lie before it, and before its own', async () => {
    await ada.createRunning()
    const shown: string[] = []
    const last = Promise.withResolvers<void>()
    const leave = plane.parts.hub.subscribe((message) => {
      if (message.kind === 'delta') shown.push(`delta ${message.delta.data.delta}`)
      if (message.kind === 'events') shown.push(...message.events.map((event) => `${event.type} ${event.data.text}`))
      if (shown.at(-1) === 'text three') last.resolve()
    })
    const runId = plane.bridge.running()
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'one' })
    plane.bridge.sayDelta({ type: 'text_delta', runId, data: { messageId: 'm2', offset: 0, delta: 'tw' } })
    plane.bridge.say('text', { step: 2, messageId: 'm2', text: 'two' })
    plane.bridge.say('text', { step: 3, messageId: 'm3', text: 'three' })
    await last.promise
    leave()
    expect(shown).toEqual(['text one', 'delta tw', 'text two', 'text three'])
  })
})

describe('a hostile sandbox', () => {
  it('cannot write what only the control plane writes; its other events go on', async () => {
    const id = await ada.createRunning()
    plane.bridge.say('usage', { model: 'free', costUsd: 0 })
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'after' })
    plane.bridge.end('completed')
    plane.bridge.say(
      'done',
      { reason: 'completed', steps: 9, inputTokens: 0, outputTokens: 0, durationMs: 0 },
      'run_other',
    )
    await plane.untilAtRest(id)
    const log = await plane.events(id)
    expect(log.filter((event) => event.type === 'usage')).toEqual([])
    expect(log.find((event) => event.type === 'error')?.data).toMatchObject({ code: 'event_rejected' })
    expect(log.filter((event) => event.type === 'text')).toHaveLength(1)
    expect(log.filter((event) => event.type === 'done')).toHaveLength(1)
  })
})

describe('an event that the database could not take', () => {
  it('does not hold up those after it', async () => {
    const id = await ada.createRunning()
    const runId = plane.bridge.running()
    plane.bridge.say('thinking', { step: 2 ** 40, maxSteps: 15, tokensUsed: 0, maxTokens: null })
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'other' }, 'run_\0')
    plane.bridge.say('text', { step: 1, messageId: 'm2', text: 'after' }, runId)
    await plane.until(id, (event) => event.data.text === 'after')
    const log = await plane.events(id)
    expect(log.find((event) => event.type === 'error')?.data).toMatchObject({ code: 'event_rejected' })
    expect(log.find((event) => event.data.text === 'other')?.runId).toBe('run_\uFFFD')
  })
})
