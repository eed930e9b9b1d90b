/** A sandbox that writes more than any honest one: what is kept, what is said, and what becomes of it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import { MAX_RUN_JOURNAL_BYTES } from '../../../../../lib/domain/journal-acceptance.ts'
import { BerthError } from '../../../../../lib/errors.ts'
import { createJournalPaces } from '../../../../../lib/services/sandbox/journal-paces.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

const MEBIBYTE = 1024 * 1024

/** Kept for each agent: no test has one that another had. */
const paces = createJournalPaces({
  clock: systemClock,
  allowance: { messages: 60, bytes: 32 * MEBIBYTE },
  growth: { messages: 100, bytes: 2 * MEBIBYTE },
})

let id: string

startFreshControlPlanes({}, {}, { paces })
beforeEach(async () => {
  id = await ada.createRunning()
})

const say = (text: string) => plane.bridge.say('text', { step: 1, messageId: text, text })
const texts = async () => (await plane.events(id, 'text')).map(({ data }) => data.text)

describe('entries as fast as it can', () => {
  it('are all taken in order, at a pace of their own, and the log says so once', async () => {
    const count = 300
    const began = performance.now()
    for (let n = 1; n <= count; n += 1) say(String(n))
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(performance.now() - began).toBeGreaterThan(2_000)
    const log = await plane.events(id)
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_event, index) => index + 1))
    expect(await texts()).toEqual(Array.from({ length: count }, (_item, index) => String(index + 1)))
    const floods = log.filter(({ type, data }) => type === 'error' && data.code === 'event_flood')
    expect(floods.map(({ data }) => data.message)).toEqual([
      'The sandbox writes more than 60 entries or 32 MiB at a time. From now on no more than 100 entries or 2 MiB a second are read of it: late, but whole. Stop the agent if that is not what it should do.',
    ])
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })
})

describe('more than the log of a run may have', () => {
  const full =
    'The sandbox was stopped: it wrote more than the 256 MiB that the log of one run may have. Nothing that is in the log is lost; resume the agent, and what came after it is read first.'

  it('ends the run with words, takes the container away, and the next run goes on where the log ended', async () => {
    await plane.forgeJournalBytes(id, MAX_RUN_JOURNAL_BYTES - 100)
    say('the last one')
    say('one too many')
    say('and another')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { status: 'ENDED', reason: 'failed' } })
    expect(await plane.containers(id)).toEqual([])
    const log = await plane.events(id)
    expect(log.filter(({ type }) => type === 'done').map(({ data }) => data.message)).toEqual([full])
    const told = log.filter(({ type, data }) => type === 'status' && data.code === 'log_full')
    expect(told.map(({ data }) => data)).toEqual([{ status: 'STOPPING', code: 'log_full', message: full }])
    expect(await texts()).toEqual(['the last one'])

    // The container went, and its bridge with it.
    plane.bridge.crash()
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
    expect(await texts()).toEqual(['the last one', 'one too many', 'and another'])
  })
})

describe('a log that is larger than a bridge takes back', () => {
  it('is not read for one that says it lost its journal: the start fails with words', async () => {
    say('x'.repeat(1_000))
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    const { events: store } = plane.parts.stores
    expect(await store.sizeOfTypes({ agentId: id, types: ['text', 'done'] })).toBeGreaterThan(1_000)
    expect(await store.sizeOfTypes({ agentId: id, types: ['tool_call'] })).toBe(0)
    store.sizeOfTypes = async () => 64 * MEBIBYTE + 1
    const { listOfTypes } = store
    store.listOfTypes = async (input) => {
      if (input.types.includes('tool_result')) throw new Error('The conversation is not to be read.')
      return await listOfTypes(input)
    }
    plane.bridge.journalId = 'another'
    plane.bridge.journal = []
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: {
        code: 'payload_too_large',
        message:
          'The sandbox has lost the conversation, and of the 65 MiB in the log at most 64 MiB can be given back.',
        hint: expect.stringContaining('Begin a new agent'),
      },
    })
  })
})

describe('an entry without an end', () => {
  it('ends the run with words and takes the container away', async () => {
    plane.bridge.client.events = async function* () {
      yield { kind: 'hello', hello: { journalId: plane.bridge.journalId, lastN: 0 } }
      throw new BerthError('payload_too_large', 'The bridge sent an event of more than 8 MiB.')
    }
    plane.bridge.cut()
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { status: 'ENDED', reason: 'failed' } })
    expect(await plane.containers(id)).toEqual([])
    const message =
      'The sandbox was stopped: The bridge sent an event of more than 8 MiB. Resume the agent to go on in a new one.'
    expect((await plane.events(id)).filter(({ data }) => data.message === message).map(({ type }) => type)).toEqual([
      'done',
      'status',
    ])
  })
})
