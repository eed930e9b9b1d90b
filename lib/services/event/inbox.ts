/**
 * What one reader has not read yet, bounded in number and size: beyond that it is behind, everything is dropped and told as
 * `overflow`. So whoever publishes never waits for a reader, and a reader that stands still costs next to nothing.
 */
import type { EventHub, HubMessage } from './hub.ts'

export interface Inbox {
  /** `overflow`: messages were dropped since the last one. `end` once the signal has aborted. */
  next(): Promise<HubMessage | 'overflow' | 'end'>
  close(): void
}

const MAX_UNREAD = 1_000
/** In UTF-16 units of JSON; readers share the messages themselves. */
const MAX_UNREAD_CHARS = 4 * 1024 * 1024

export function createInbox(
  subscribe: EventHub['subscribe'],
  wanted: (message: HubMessage) => boolean,
  signal: AbortSignal,
): Inbox {
  let unread: { message: HubMessage; chars: number }[] = []
  let unreadChars = 0
  let overflowed = false
  let wake: (() => void) | null = null
  const ring = () => {
    wake?.()
    wake = null
  }
  const unsubscribe = subscribe((message) => {
    if (!wanted(message)) return
    const chars = sizeOf(message)
    if (unread.length >= MAX_UNREAD || unreadChars + chars > MAX_UNREAD_CHARS) {
      overflowed = true
      unread = []
      unreadChars = 0
    }
    // One that is too large by itself is read from the log as well.
    if (chars <= MAX_UNREAD_CHARS) {
      unread.push({ message, chars })
      unreadChars += chars
    }
    ring()
  })
  signal.addEventListener('abort', ring, { once: true })
  return {
    async next() {
      for (;;) {
        if (signal.aborted) return 'end'
        if (overflowed) {
          overflowed = false
          return 'overflow'
        }
        const first = unread.shift()
        if (first) {
          unreadChars -= first.chars
          return first.message
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    close() {
      unsubscribe()
      signal.removeEventListener('abort', ring)
    },
  }
}

const sizes = new WeakMap<HubMessage, number>()

/** Reckoned once for all readers. */
function sizeOf(message: HubMessage): number {
  const known = sizes.get(message)
  if (known !== undefined) return known
  const size = JSON.stringify(message.kind === 'events' ? message.events.map(({ data }) => data) : message).length
  sizes.set(message, size)
  return size
}
