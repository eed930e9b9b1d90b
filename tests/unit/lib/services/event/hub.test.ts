import { describe, expect, it } from 'vitest'
import type { DeltaEvent } from '../../../../../container/contract/events.ts'
import { createEventHub } from '../../../../../lib/services/event/hub.ts'

function delta(messageId: string, offset: number, text: string): DeltaEvent {
  return { type: 'text_delta', runId: 'run_1', data: { messageId, offset, delta: text } }
}

function stored(type: string, data: Record<string, unknown>) {
  return { id: 'evt', seq: 1, type, runId: 'run_1', createdAt: new Date(0), data }
}

describe('the hub', () => {
  const publishDelta = (hub: ReturnType<typeof createEventHub>, item: DeltaEvent) =>
    hub.publish({ kind: 'delta', agentId: 'agt', ownerId: 'usr', delta: item })
  const publishEvent = (hub: ReturnType<typeof createEventHub>, event: ReturnType<typeof stored>) =>
    hub.publish({ kind: 'events', agentId: 'agt', ownerId: 'usr', events: [event] })

  it('keeps the text of a message that is being written, for a reader who comes late', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Hello'))
    publishDelta(hub, delta('m1', 5, ', world'))
    expect(hub.unfinished('agt')).toEqual([delta('m1', 0, 'Hello, world')])
  })

  it('does not double what is sent twice', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Hello'))
    publishDelta(hub, delta('m1', 0, 'Hello, world'))
    expect(hub.unfinished('agt')).toEqual([delta('m1', 0, 'Hello, world')])
  })

  it('keeps nothing of a message of which a part is missing, and a bounded number of messages', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Hello'))
    publishDelta(hub, delta('m1', 9, 'rld'))
    expect(hub.unfinished('agt')).toEqual([])
    for (let number = 0; number < 200; number += 1) publishDelta(hub, delta(`many_${number}`, 0, 'x'))
    expect(hub.unfinished('agt')).toHaveLength(100)
  })

  it('keeps a bounded amount of text of an agent, whatever it is spread over', () => {
    const hub = createEventHub()
    const large = 'x'.repeat(200 * 1024)
    for (let number = 0; number < 50; number += 1) publishDelta(hub, delta(`large_${number}`, 0, large))
    publishDelta(hub, delta('too large', 0, large.repeat(2)))
    const kept = hub.unfinished('agt')
    expect(kept.map(({ data }) => data.messageId)).toEqual(['large_0', 'large_1', 'large_2', 'large_3', 'large_4'])
    publishDelta(hub, delta('large_0', large.length, large))
    expect(hub.unfinished('agt')).toHaveLength(4)
  })

  it('forgets a message when its event is stored', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Hello'))
    publishDelta(hub, delta('call_1', 0, 'output'))
    publishEvent(hub, stored('text', { messageId: 'm1' }))
    expect(hub.unfinished('agt')).toEqual([delta('call_1', 0, 'output')])
    publishEvent(hub, stored('tool_result', { toolCallId: 'call_1' }))
    expect(hub.unfinished('agt')).toEqual([])
  })

  it('forgets what a repeated model call has given up', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Half an ans'))
    publishDelta(hub, delta('m2', 0, 'An answer'))
    publishEvent(hub, stored('error', { code: 'provider_retry', abandonedMessageIds: ['m0', 'm1'] }))
    expect(hub.unfinished('agt')).toEqual([delta('m2', 0, 'An answer')])
  })

  it('forgets everything when the run ends', () => {
    const hub = createEventHub()
    publishDelta(hub, delta('m1', 0, 'Hello'))
    publishEvent(hub, stored('done', {}))
    expect(hub.unfinished('agt')).toEqual([])
  })

  it('tells nobody who has left', () => {
    const hub = createEventHub()
    const seen: string[] = []
    const leave = hub.subscribe((message) => seen.push(message.kind))
    publishDelta(hub, delta('m1', 0, 'a'))
    leave()
    publishDelta(hub, delta('m1', 1, 'b'))
    expect(seen).toEqual(['delta'])
  })
})
