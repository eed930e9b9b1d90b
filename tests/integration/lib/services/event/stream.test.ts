/** Streams of events to readers who do not keep up: nobody else waits for them, and none of them misses an event. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type StreamItem, streamAll, streamEvents } from '../../../../../lib/services/event/stream.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

/** Of deltas and of events: together more than is kept for a reader. */
const MANY = 600

let id: string
let leaving: AbortController

startFreshControlPlanes()
beforeEach(async () => {
  leaving = new AbortController()
  id = await ada.createRunning()
})
afterEach(() => leaving.abort())

const open = (after = 0) =>
  streamEvents({ ctx: plane.ctx, input: { agentId: id, after, signal: leaving.signal } })[Symbol.asyncIterator]()

function writeMany() {
  for (let n = 1; n <= MANY; n += 1) {
    const delta = { messageId: `m${n}`, offset: 0, delta: 'x' }
    plane.bridge.sayDelta({ type: 'text_delta', runId: plane.bridge.running(), data: delta })
    plane.bridge.say('text', { step: 1, messageId: `m${n}`, text: String(n) })
  }
  plane.bridge.say('text', { step: 2, messageId: 'last', text: 'last' })
}

async function readUntilLast(reader: AsyncIterator<StreamItem>): Promise<StreamItem[]> {
  const read: StreamItem[] = []
  for (;;) {
    const { value } = (await reader.next()) as { value: StreamItem }
    read.push(value)
    if (value.event.data.text === 'last') return read
  }
}

const seqs = (items: StreamItem[]) => items.filter(({ kind }) => kind === 'event').map(({ event }) => event.seq)
const fromOne = (numbers: number[]) => numbers.map((_number, index) => index + 1)

describe('a reader that stands still', () => {
  it('holds up neither what is stored nor another reader, and has everything once when it reads on', async () => {
    const [still, live] = [open(), open()]
    const first = await still.next()
    const reading = readUntilLast(live)
    writeMany()
    const seen = await reading
    expect(seqs(seen)).toEqual(fromOne(seqs(seen)))
    expect(seqs(seen).length).toBeGreaterThan(MANY)
    const rest = await readUntilLast(still)
    expect(seqs([first.value, ...rest])).toEqual(seqs(seen))
    // What was being written meanwhile is written: of deltas nothing waits for it.
    expect(rest.filter(({ kind }) => kind === 'delta')).toEqual([])
  })

  it('may come back with the last one it had', async () => {
    const reader = open()
    writeMany()
    const had = [(await reader.next()).value, (await reader.next()).value] as StreamItem[]
    await reader.return?.(undefined)
    const rest = await readUntilLast(open(had.at(-1)?.event.seq))
    expect(seqs([...had, ...rest])).toEqual(fromOne(seqs([...had, ...rest])))
  })

  it('of all agents is cut: the log of each says what it missed', async () => {
    const input = { agentIds: null, signal: leaving.signal }
    const reader = streamAll({ ctx: plane.ctx, input })[Symbol.asyncIterator]()
    const first = reader.next()
    writeMany()
    expect((await first).done).toBe(false)
    await readUntilLast(open())
    expect((await reader.next()).done).toBe(true)
  })
})
