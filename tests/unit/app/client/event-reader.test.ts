import { describe, expect, it } from 'vitest'
import { type Connection, type EventReaderParts, readEvents, SILENCE_MS } from '../../../../app/client/event-reader.ts'
import type { EventView } from '../../../../lib/services/agent/schemas.ts'

const line = (seq: number, type = 'text') =>
  `${seq > 0 ? `id: ${seq}\n` : ''}event: ${type}\ndata: ${JSON.stringify({ seq, type, data: {} })}\n\n`

function streamOf(...chunks: string[]): Response {
  return new Response(chunks.join(''), { headers: { 'content-type': 'text/event-stream' } })
}

/** Plays one answer after the other; the reader ends when they are used up. Waits pass at once and are written down. */
async function play(answers: (() => Response | Promise<Response>)[]) {
  const ended = new AbortController()
  const seen = { urls: [] as string[], events: [] as EventView[], states: [] as string[], waits: [] as number[] }
  const connections: Connection[] = []
  const parts: EventReaderParts = {
    now: () => 1000,
    wait: async (ms, signal) => {
      if (ms === SILENCE_MS) return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
      seen.waits.push(ms)
      if (answers.length === 0) ended.abort()
    },
    fetch: async (url) => {
      seen.urls.push(String(url))
      const answer = answers.shift()
      if (!answer) throw new TypeError('nothing answers')
      return answer()
    },
  }
  await readEvents({
    url: (after) => `/events?after=${after}`,
    onEvents: (events) => seen.events.push(...events),
    onConnection: (connection) => connections.push(connection),
    signal: ended.signal,
    parts,
  })
  seen.states.push(...connections.map((connection) => connection.state))
  return { ...seen, connections }
}

describe('a broken stream', () => {
  it('goes on after the last stored event; deltas do not move the place', async () => {
    const { urls, events } = await play([
      () => streamOf(line(1), line(2), line(0, 'text_delta')),
      () => streamOf(': heartbeat\n\n', line(3, 'from_the_future')),
    ])
    expect(urls).toEqual(['/events?after=0', '/events?after=2'])
    expect(events.map((event) => [event.seq, event.type])).toEqual([
      [1, 'text'],
      [2, 'text'],
      [0, 'text_delta'],
      [3, 'from_the_future'],
    ])
  })

  it('waits longer each time nothing answers, and from the start again after it was open', async () => {
    const broken = () => Promise.reject(new TypeError('connection refused'))
    const { waits, states } = await play([
      broken,
      broken,
      () => new Response('', { status: 503 }),
      () => streamOf(line(1)),
    ])
    expect(waits).toEqual([500, 1000, 2000, 500])
    expect(states).toEqual(['connecting', 'waiting', 'waiting', 'waiting', 'open', 'waiting'])
  })

  it('joins a character that was cut between two chunks', async () => {
    const bytes = new TextEncoder().encode('event: text\ndata: {"seq":1,"type":"text","data":{"text":"né"}}\n\n')
    const cut = bytes.indexOf(0xc3) + 1
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, cut))
        controller.enqueue(bytes.slice(cut))
        controller.close()
      },
    })
    const { events } = await play([() => new Response(body)])
    expect(events[0]?.data).toEqual({ text: 'né' })
  })
})

it('ends when the server refuses for good, with its words', async () => {
  const { urls, connections } = await play([
    () => Response.json({ code: 'not_found', title: 'No such agent' }, { status: 404 }),
    () => streamOf(line(1)),
  ])
  expect(urls).toHaveLength(1)
  expect(connections.at(-1)).toMatchObject({ state: 'refused', problem: { status: 404, title: 'No such agent' } })
})

it('connects again when the server falls silent', async () => {
  const ended = new AbortController()
  const states: string[] = []
  let connects = 0
  await readEvents({
    url: () => '/events',
    onEvents: () => undefined,
    onConnection: (connection) => states.push(connection.state),
    signal: ended.signal,
    parts: {
      now: () => 0,
      wait: async () => undefined,
      fetch: async () => {
        connects += 1
        if (connects === 2) ended.abort()
        return new Response(new ReadableStream<Uint8Array>())
      },
    },
  })
  expect(states.slice(0, 3)).toEqual(['connecting', 'open', 'waiting'])
  expect(connects).toBe(2)
})
