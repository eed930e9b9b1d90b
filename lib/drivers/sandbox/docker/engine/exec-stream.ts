/**
 * The connection of an `exec` as one stream: what is written is the process' standard input, what is read its standard output,
 * each at the other's pace. Ending it ends the input alone. Must not know: which process it is.
 */
import { Duplex } from 'node:stream'
import { splitLogFrames } from './log-frames.ts'

const MAX_WORDS = 4 * 1024

export class ExecStream extends Duplex {
  readonly #connection: Duplex
  #rest: Buffer = Buffer.alloc(0)
  #words = ''

  /** `connection`: as the engine hijacked it. */
  constructor(connection: Duplex) {
    super({ allowHalfOpen: false })
    this.#connection = connection
    connection.on('data', (chunk: Buffer) => this.#take(chunk))
    connection.on('end', () => this.push(null))
    connection.on('error', (error) => this.destroy(error))
    // After an end there may be bytes that nobody has read yet.
    connection.on('close', () => connection.readableEnded || this.destroy())
  }

  /** What the process wrote to its standard error, the beginning of it. */
  get words(): string {
    return this.#words
  }

  override _read(): void {
    this.#connection.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.destroy()
    done(error)
  }

  #take(chunk: Buffer) {
    if (this.destroyed) return
    const { frames, rest } = splitLogFrames(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]))
    this.#rest = rest
    for (const { isError, payload } of frames) {
      if (isError) this.#words = (this.#words + payload).slice(0, MAX_WORDS)
      else if (payload.length > 0 && !this.push(payload)) this.#connection.pause()
    }
  }
}
