import { describe, expect, it } from 'vitest'
import { controlEventTypes, type JournalEvent, MAX_EVENT_BYTES } from '../../../../container/contract/events.ts'
import { acceptJournalEvent } from '../../../../lib/domain/journal-acceptance.ts'

const at = '2026-01-01T00:00:00.000Z'
const position = { journalId: 'j1', n: 4 }

function event(changes: Partial<JournalEvent> = {}): JournalEvent {
  return { n: 5, type: 'text', runId: 'run_1', at, data: { step: 1, messageId: 'm', text: 'hello' }, ...changes }
}

describe('an event of a journal', () => {
  it('is stored when it is the next one', () => {
    expect(acceptJournalEvent(position, 'j1', event())).toMatchObject({ accept: 'store', type: 'text' })
  })

  it('is passed over when it was stored before', () => {
    expect(acceptJournalEvent(position, 'j1', event({ n: 4 }))).toEqual({ accept: 'skip' })
  })

  it('is not taken when one before it is missing', () => {
    expect(acceptJournalEvent(position, 'j1', event({ n: 6 }))).toEqual({ accept: 'gap', expected: 5 })
  })

  it('begins at 1 in a journal not seen before', () => {
    expect(acceptJournalEvent(position, 'j2', event({ n: 1 })).accept).toBe('store')
    expect(acceptJournalEvent(position, 'j2', event({ n: 5 }))).toEqual({ accept: 'gap', expected: 1 })
  })

  it.each(controlEventTypes)('of type %s is refused: only the control plane writes it', (type) => {
    expect(acceptJournalEvent(position, 'j1', event({ type, data: {} }))).toEqual({
      accept: 'reject',
      data: {
        code: 'event_rejected',
        message: `The sandbox sent "${type}", which only the control plane writes.`,
        detail: { type, n: 5 },
      },
    })
  })

  it.each(['constructor', '__proto__', 'text_delta', 'nonsense'])('of the unknown type %s is refused', (type) => {
    expect(acceptJournalEvent(position, 'j1', event({ type }))).toMatchObject({ accept: 'reject' })
  })

  it('that does not fit its schema is refused with the field that is wrong', () => {
    const result = acceptJournalEvent(position, 'j1', event({ data: { step: 'one', messageId: 'm', text: 'x' } }))
    expect(result).toMatchObject({ accept: 'reject', data: { message: expect.stringContaining('step') } })
  })

  it('that is larger than is kept is refused with its size', () => {
    const text = 'x'.repeat(MAX_EVENT_BYTES)
    const result = acceptJournalEvent(position, 'j1', event({ data: { step: 1, messageId: 'm', text } }))
    expect(result).toMatchObject({ accept: 'reject', data: { message: expect.stringContaining(`${MAX_EVENT_BYTES}`) } })
  })

  it('that is nested deeper than can be kept is refused, however deep', () => {
    for (const depth of [201, 5_000, 100_000]) {
      const deep: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
      const result = acceptJournalEvent(position, 'j1', event({ data: { step: 1, messageId: 'm', text: 'x', deep } }))
      expect(result).toMatchObject({
        accept: 'reject',
        data: { message: 'The sandbox sent a text that is nested more than 200 deep.' },
      })
    }
    const flat = JSON.parse(`${'['.repeat(199)}${']'.repeat(199)}`)
    expect(
      acceptJournalEvent(position, 'j1', event({ data: { step: 1, messageId: 'm', text: 'x', flat } })).accept,
    ).toBe('store')
  })

  it('keeps fields that a newer bridge adds', () => {
    const data = { step: 1, messageId: 'm', text: 'x', mood: 'new' }
    expect(acceptJournalEvent(position, 'j1', event({ data }))).toMatchObject({ accept: 'store', data })
  })

  it('is cleaned of what PostgreSQL refuses', () => {
    const data = { step: 1, messageId: 'm', text: 'a\0b\udc00', 'k\0': ['\0'] }
    expect(acceptJournalEvent(position, 'j1', event({ data }))).toMatchObject({
      data: { text: 'a\uFFFDb\uFFFD', 'k\uFFFD': ['\uFFFD'] },
    })
  })
})
