/**
 * Text of messages that are still being written. Readers pull from it at their own pace: one that comes late, or was slow,
 * takes all that it has not seen yet. Owns: offsets, the pace of about 50 ms, how much of a message is kept. Must not know:
 * readers.
 */
import { cleanText, type DeltaEventType, type JournalEvent } from '../../contract/events.ts'

const PACE_MS = 50
/** Of an open message, so many UTF-16 units are kept for those who come late: for text all that a stored event can hold. */
const MAX_KEPT_CHARS = 256 * 1024

export interface OpenMessage {
  messageId: string
  type: DeltaEventType
  runId: string | null
  /** Offset of the first unit of `text`: above 0 once the beginning of a long output was let go. */
  start: number
  text: string
}

export interface DeltaBuffer {
  add(delta: { type: DeltaEventType; runId: string | null; messageId: string; delta: string }): void
  openMessages(): OpenMessage[]
  /** The stored event takes the place of its deltas, or names those that will never have one; the end of a run, of all. */
  closeFor(event: JournalEvent): void
  close(): void
}

interface Growing extends OpenMessage {
  /** A high surrogate whose other half has not come yet. */
  held: string
}

/** `onDue` is called at most every 50 ms, and only when there is more text than at the last call. */
export function createDeltaBuffer({ onDue }: { onDue: () => void }): DeltaBuffer {
  const messages = new Map<string, Growing>()
  let timer: NodeJS.Timeout | null = null

  const schedule = () => {
    timer ??= setTimeout(() => {
      timer = null
      onDue()
    }, PACE_MS).unref()
  }

  return {
    add({ type, runId, messageId, delta }) {
      const message = messages.get(messageId) ?? { messageId, type, runId, start: 0, text: '', held: '' }
      messages.set(messageId, message)
      const arrived = message.held + delta
      const splitsPair = /[\uD800-\uDBFF]$/.test(arrived)
      message.held = splitsPair ? arrived.slice(-1) : ''
      message.text += cleanText(splitsPair ? arrived.slice(0, -1) : arrived)
      if (message.text.length > 2 * MAX_KEPT_CHARS) {
        const dropped = message.text.length - MAX_KEPT_CHARS
        message.text = message.text.slice(dropped)
        message.start += dropped
      }
      schedule()
    },
    openMessages: () => [...messages.values()].map(({ held: _held, ...message }) => message),
    closeFor(event) {
      const { messageId, toolCallId, abandonedMessageIds } = event.data
      for (const id of [messageId, toolCallId, abandonedMessageIds].flat()) {
        if (typeof id === 'string' && event.type !== 'tool_call' && event.type !== 'file_change') messages.delete(id)
      }
      if (event.type !== 'done') return
      for (const message of messages.values()) if (message.runId === event.runId) messages.delete(message.messageId)
    },
    close() {
      if (timer) clearTimeout(timer)
      messages.clear()
    },
  }
}
