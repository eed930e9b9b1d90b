/** The bridge's event stream as messages of the port; what is not of the contract becomes `malformed`, in its place. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { eventsHello } from '../../../container/contract/bridge.ts'
import { deltaEvent, journalEvent } from '../../../container/contract/events.ts'
import { BerthError } from '../../errors.ts'
import type { BridgeMessage } from './port.ts'

/** A stored event has at most 256 KiB, a delta that catches up somewhat more: beyond this a bridge is not one of ours. */
const MAX_MESSAGE_CHARS = 8 * 1024 * 1024

/** Ends when the stream does. Throws `payload_too_large` when a single message is beyond all bounds. */
export async function* readEventMessages(chunks: AsyncIterable<Buffer>): AsyncGenerator<BridgeMessage> {
  const ready: BridgeMessage[] = []
  let failure: Error | null = null
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE_CHARS,
    onEvent: (message) => ready.push(toMessage(message)),
    onError: (error) => {
      if (error.type !== 'max-buffer-size-exceeded') return
      failure = new BerthError('payload_too_large', 'The bridge sent an event of more than 8 MiB.', { cause: error })
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of chunks) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    yield* ready.splice(0)
    if (failure) throw failure
  }
}

function toMessage({ event: name, data, id }: EventSourceMessage): BridgeMessage {
  const value = parse(data)
  if (name === 'hello') {
    const hello = eventsHello.safeParse(value)
    if (hello.success) return { kind: 'hello', hello: hello.data }
  }
  if (name === 'delta') {
    const delta = deltaEvent.safeParse(value)
    if (delta.success) return { kind: 'delta', delta: delta.data }
  }
  const n = id !== undefined && /^[1-9]\d{0,14}$/.test(id) ? Number(id) : null
  if (name === 'event') {
    const event = journalEvent.safeParse(value)
    if (event.success && (n === null || event.data.n === n)) return { kind: 'event', event: event.data }
    const where = event.success ? 'its id is not its number' : event.error.issues.map(describeIssue).join('; ')
    return { kind: 'malformed', n, reason: `The event is not of the contract: ${where}` }
  }
  return { kind: 'malformed', n, reason: `A message "${name ?? ''}" is not of the contract.` }
}

function describeIssue(issue: { path: PropertyKey[]; message: string }): string {
  return `${issue.path.map(String).join('.') || 'event'}: ${issue.message}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
