/**
 * What is between a bridge's socket and the database: the reader waits when it is full, the writer takes what goes together.
 * Owns: how much may wait. Must not know: sockets, the database.
 */
import type { DeltaEvent } from '../../../container/contract/events.ts'
import type { JournalLine } from '../event/accept.ts'

export type BufferedLine = JournalLine | { delta: DeltaEvent }

/** What may wait for the writer before the reader pauses. */
const MAX_WAITING = 512
const MAX_WAITING_CHARS = 4 * 1024 * 1024

export class LineBuffer {
  journalId: string | null = null
  /** Once is enough to say of a stream that it is not of the contract. */
  isComplainedOf = false
  readonly #stopping = new AbortController()
  /** Aborts when the writer gave up: the reader is to leave and begin again. */
  readonly stopped = this.#stopping.signal
  #waiting: { line: BufferedLine; chars: number }[] = []
  #waitingChars = 0
  #isGivenUp = false
  #closed = false
  #wakeWriter: (() => void) | null = null
  #wakeReader: (() => void) | null = null

  async push(line: BufferedLine): Promise<void> {
    const { length: chars } = JSON.stringify(line)
    this.#waiting.push({ line, chars })
    this.#waitingChars += chars
    this.#wakeWriter?.()
    while (this.#isFull() && !this.stopped.aborted) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  /** The deltas that come first, then the lines up to the next delta; null when there will be none. */
  async take(): Promise<{ deltas: DeltaEvent[]; lines: JournalLine[] } | null> {
    while (this.#waiting.length === 0) {
      if (this.#closed || this.stopped.aborted) return null
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    }
    const taken: { deltas: DeltaEvent[]; lines: JournalLine[] } = { deltas: [], lines: [] }
    let count = 0
    for (const { line, chars } of this.#waiting) {
      if (!('delta' in line)) taken.lines.push(line)
      else if (taken.lines.length === 0) taken.deltas.push(line.delta)
      else break
      count += 1
      this.#waitingChars -= chars
    }
    this.#waiting.splice(0, count)
    this.#wakeReader?.()
    return taken
  }

  /** The sandbox is not to be read any more, not even anew. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  giveUp() {
    this.#isGivenUp = true
    this.stop()
  }

  stop() {
    this.#stopping.abort()
    this.#wakeReader?.()
  }

  close() {
    this.#closed = true
    this.#wakeWriter?.()
  }

  #isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING || this.#waitingChars >= MAX_WAITING_CHARS
  }
}
