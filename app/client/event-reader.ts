/**
 * Reads a stream of server-sent events for as long as a page is open, and connects again when it breaks.
 * Owns: reconnecting with growing waits, resuming after the last stored event, noticing a silent connection, telling the state of the
 * connection. Must not know: React, what events mean.
 * Unlike EventSource it takes every event type, also one that this page does not know yet, and sees why a connection was refused.
 */
import { createParser } from 'eventsource-parser'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { type Problem, readProblem } from '../model/problem.ts'

export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'waiting'; retryAtMs: number; sinceMs: number }
  /** Refused for good: the session is gone, or the thing is. */
  | { state: 'refused'; problem: Problem }

export interface EventReaderParts {
  fetch: typeof fetch
  now(): number
  /** Resolves after `ms`, or at once when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export interface EventReaderInput<E extends EventView> {
  /** The address to connect to; `after` is the seq of the last stored event, 0 before the first. */
  url(after: number): string
  onEvents(events: E[]): void
  onConnection(connection: Connection): void
  signal: AbortSignal
  parts?: Partial<EventReaderParts>
}

/** The server sends a heartbeat every 15 s; after three missing ones the connection counts as broken. */
export const SILENCE_MS = 45_000
const WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000]

/** Resolves when `signal` aborts or the server refuses for good. */
export async function readEvents<E extends EventView>(input: EventReaderInput<E>): Promise<void> {
  const parts = { ...realParts, ...input.parts }
  let after = 0
  let failures = 0
  let brokenSinceMs: number | null = null
  input.onConnection({ state: 'connecting' })
  while (!input.signal.aborted) {
    const outcome = await readOnce(input, parts, {
      after,
      onOpen: () => {
        failures = 0
        brokenSinceMs = null
        input.onConnection({ state: 'open' })
      },
      onEvents: (events) => {
        after = Math.max(after, ...events.map((event) => event.seq))
        input.onEvents(events)
      },
    })
    if (input.signal.aborted) return
    if (outcome !== null) {
      input.onConnection({ state: 'refused', problem: outcome })
      return
    }
    const waitMs = WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] ?? 15_000
    failures += 1
    brokenSinceMs ??= parts.now()
    input.onConnection({ state: 'waiting', retryAtMs: parts.now() + waitMs, sinceMs: brokenSinceMs })
    await parts.wait(waitMs, input.signal)
  }
}

interface Attempt<E> {
  after: number
  onOpen(): void
  onEvents(events: E[]): void
}

/** One connection until it ends. Answers the problem where trying again is of no use, else null. */
async function readOnce<E extends EventView>(
  input: EventReaderInput<E>,
  parts: EventReaderParts,
  attempt: Attempt<E>,
): Promise<Problem | null> {
  const connection = new AbortController()
  const signal = AbortSignal.any([connection.signal, input.signal])
  try {
    const response = await parts.fetch(input.url(attempt.after), {
      headers: { Accept: 'text/event-stream' },
      credentials: 'same-origin',
      cache: 'no-store',
      signal,
    })
    if (!response.ok || !response.body) return await readRefusal(response)
    attempt.onOpen()
    await readBody(response.body, { parts, signal, onEvents: attempt.onEvents })
    return null
  } catch (error) {
    // A broken connection and an abort both land here and both lead to the next attempt or to the end; the loop tells them apart.
    if (isConnectionError(error)) return null
    throw error
  } finally {
    connection.abort()
  }
}

async function readRefusal(response: Response): Promise<Problem | null> {
  const isFinal = response.status === 401 || response.status === 403 || response.status === 404
  if (!isFinal) return null
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return readProblem(response.status, isJson ? JSON.parse(text) : undefined)
}

interface BodyInput<E> {
  parts: EventReaderParts
  signal: AbortSignal
  onEvents(events: E[]): void
}

async function readBody<E extends EventView>(body: ReadableStream<Uint8Array>, input: BodyInput<E>): Promise<void> {
  let batch: E[] = []
  const parser = createParser({
    // What is not of an agent's log (that an agent is gone, say) is named by the message alone.
    onEvent: ({ event = 'message', data }) => batch.push({ seq: 0, type: event, ...JSON.parse(data) } as E),
  })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const chunk = await readOrSilence(reader, input)
      if (chunk === null || chunk.done) return
      parser.feed(decoder.decode(chunk.value, { stream: true }))
      if (batch.length > 0) input.onEvents(batch)
      batch = []
    }
  } finally {
    // Settles at once on a closed stream and rejects on a broken one; both are told by the read before.
    reader.cancel().catch(() => undefined)
  }
}

/** The next chunk; null after SILENCE_MS without one. */
async function readOrSilence<E>(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  input: BodyInput<E>,
): Promise<ReadableStreamReadResult<Uint8Array> | null> {
  const heard = new AbortController()
  const silence = input.parts
    .wait(SILENCE_MS, AbortSignal.any([heard.signal, input.signal]))
    .then(() => null as ReadableStreamReadResult<Uint8Array> | null)
  try {
    return await Promise.race([reader.read(), silence])
  } finally {
    heard.abort()
  }
}

function isConnectionError(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof DOMException && error.name === 'AbortError')
}

const realParts: EventReaderParts = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const timer = setTimeout(finish, ms)
      function finish() {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        resolve()
      }
      signal.addEventListener('abort', finish)
    }),
}
