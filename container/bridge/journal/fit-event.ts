/**
 * Makes an event fit the wire's limit. Long texts lose their middle, the longest first, so that ids, flags and short fields
 * stay whole; what cannot be helped that way becomes an `error` event in the same place, so that the numbering goes on.
 */
import { type JournalEvent, MAX_EVENT_BYTES } from '../../contract/events.ts'

/** No text shorter than this is cut: ids, paths and titles stay whole. */
const SHORTEST_CUT_CHARS = 2_000

export function fitEvent(event: JournalEvent): JournalEvent {
  const bytes = sizeOf(event)
  if (bytes <= MAX_EVENT_BYTES) return event
  // A signature over a text that was cut is worth nothing, and providers refuse the pair.
  const { providerMetadata: _unsigned, ...data } = event.data
  for (let limit = 64 * 1024; limit >= SHORTEST_CUT_CHARS; limit = Math.floor(limit / 2)) {
    const shortened = { ...event, data: { ...(cutTexts(data, limit) as Record<string, unknown>) } }
    if ('truncated' in shortened.data) shortened.data.truncated = true
    if (sizeOf(shortened) <= MAX_EVENT_BYTES) return shortened
  }
  return {
    ...event,
    type: 'error',
    data: {
      code: 'event_too_large',
      message: `A ${event.type} event of ${bytes} bytes was not kept: the limit is ${MAX_EVENT_BYTES} bytes, and its size is not in its texts.`,
    },
  }
}

function sizeOf(event: JournalEvent): number {
  return Buffer.byteLength(JSON.stringify(event))
}

/** Every text above `limit` UTF-16 units keeps its first two thirds and last third of that, and says what is missing. */
function cutTexts(value: unknown, limit: number): unknown {
  if (typeof value === 'string') {
    if (value.length <= limit) return value
    const head = Math.floor((limit * 2) / 3)
    const tail = limit - head
    const marker = `\n[... ${value.length - limit} characters left out ...]\n`
    return (value.slice(0, head) + marker + value.slice(-tail)).toWellFormed()
  }
  if (Array.isArray(value)) return value.map((item) => cutTexts(item, limit))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutTexts(item, limit)]))
  }
  return value
}
