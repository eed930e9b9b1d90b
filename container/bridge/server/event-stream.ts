/**
 * One reader of the journal, as server-sent events: first which journal it is, then the events after the reader's position,
 * then live ones and deltas. The reader sets the pace: what it has not taken stays in the journal's file, and of a message
 * being written it gets all that it has not seen when it is ready for more. Owns: what this reader has seen. Must not know:
 * runs, other readers.
 */
import type { ServerResponse } from 'node:http'
import type { EventsHello } from '../../contract/bridge.ts'
import type { DeltaEvent } from '../../contract/events.ts'
import type { Journal, OpenMessage } from '../journal/journal.ts'

const HEARTBEAT_MS = 15_000
const BATCH_BYTES = 64 * 1024

export interface EventStreamOptions {
  journal: Journal
  response: ServerResponse
  /** The reader's position; of another journal than this one it counts for nothing. */
  position: { journalId: string | null; after: number }
  heartbeatMs?: number
}

/** Streams until the reader is gone or the journal is replaced. Resolves then; never rejects for the reader's sake. */
export async function streamEvents({ journal, response, position, ...options }: EventStreamOptions): Promise<void> {
  const bell = createBell()
  const unsubscribe = journal.subscribe(bell.ring)
  for (const event of ['close', 'error', 'drain']) response.on(event, bell.ring)
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still here\n\n')
  }, options.heartbeatMs ?? HEARTBEAT_MS)
  const reader = createReader(journal, position)
  try {
    while (!response.closed && !response.destroyed && !reader.replaced()) {
      const text = response.writableNeedDrain ? null : reader.next()
      if (text === null) await bell.rung()
      else response.write(text)
    }
  } finally {
    clearInterval(heartbeat)
    unsubscribe()
    response.end()
  }
}

/** Remembers that it was rung while nobody listened. */
function createBell() {
  let isRung = false
  let wake: (() => void) | null = null
  return {
    ring() {
      isRung = true
      wake?.()
    },
    async rung() {
      if (!isRung) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = null
      }
      isRung = false
    },
  }
}

/**
 * `next` is what this reader has not seen yet, about 64 KiB at most; null when it has seen everything. `replaced` is true once
 * the journal is another than the reader was told: its numbers mean other events now.
 */
function createReader(journal: Journal, position: { journalId: string | null; after: number }) {
  const { journalId } = journal
  let after = position.journalId === journalId ? position.after : 0
  let greeted = false
  const seen = new Map<string, number>()

  const nextDeltas = (): string => {
    const open = journal.openMessages()
    const ids = new Set(open.map((message) => message.messageId))
    for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id)
    const deltas = open.map((message) => {
      const delta = unseenOf(message, seen.get(message.messageId) ?? 0)
      seen.set(message.messageId, message.start + message.text.length)
      return delta
    })
    return deltas.map((delta) => (delta ? formatMessage('delta', delta) : '')).join('')
  }

  return {
    replaced: () => journal.journalId !== journalId,
    next(): string | null {
      if (!greeted) {
        greeted = true
        return formatMessage('hello', { journalId, lastN: journal.lastN } satisfies EventsHello)
      }
      const events = journal.read(after, BATCH_BYTES)
      if (events.length === 0) return nextDeltas() || null
      after = events.at(-1)?.n ?? after
      return events.map((event) => formatMessage('event', event, event.n)).join('')
    },
  }
}

function unseenOf(message: OpenMessage, seen: number): DeltaEvent | null {
  const offset = Math.max(seen, message.start)
  const delta = message.text.slice(offset - message.start)
  if (delta === '') return null
  return { type: message.type, runId: message.runId, data: { messageId: message.messageId, offset, delta } }
}

function formatMessage(name: 'hello' | 'event' | 'delta', data: unknown, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
