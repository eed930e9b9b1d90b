/**
 * How a gateway says no: a status, a short code and words a person can act on, in headers that the bridge reads and in a body
 * that the program behind it shows. Owns: that form. Must not know: why anything is refused.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import { REFUSAL_CODE_HEADER, REFUSAL_REASON_HEADER } from '../../container/contract/tunnel.ts'
import { ERROR_STATUS, isBerthError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/** `json`: `{"error":{"code","message","param"}}`, as model clients read it; `param` names what it is about, where that has a name. `text`: one line, as git and curl show it. */
export type RefusalFormat = 'json' | 'text'

const MAX_REASON_CHARACTERS = 1_000
/** What a client may still send after it was refused, before its stream is reset. */
const MAX_DISCARDED_BYTES = 64 * 1024 * 1024

export class Refusal extends Error {
  readonly status: number
  readonly code: string
  readonly headers: OutgoingHttpHeaders
  /** The field or limit that it is about; null where there is none. */
  param: string | null = null

  constructor(status: number, code: string, message: string, headers: OutgoingHttpHeaders = {}) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** A BerthError's code and words as they are; anything else is a defect: it is logged here and leaves as `internal`. */
export function toRefusal(error: unknown, logger: Logger): Refusal {
  if (error instanceof Refusal) return error
  if (isBerthError(error)) {
    const words = error.hint === undefined ? error.message : `${error.message} ${error.hint}`
    const refusal = new Refusal(ERROR_STATUS[error.code], error.code, words)
    refusal.param = error.fields?.[0]?.path ?? null
    return refusal
  }
  logger.error('a gateway failed', { error })
  return new Refusal(500, 'internal', 'Berth failed while it served this request. Its log says why.')
}

/** Answers with the refusal, or resets the stream when an answer has begun. Never throws. */
export function respondRefusal(stream: ServerHttp2Stream, refusal: Refusal, format: RefusalFormat): void {
  if (stream.destroyed || stream.closed) return
  if (stream.headersSent) {
    // Not `close()`: that ends the answer first, and a client would take the part for the whole.
    stream.destroy(refusal)
    return
  }
  stream.respond({
    ...refusal.headers,
    ':status': refusal.status,
    'content-type': format === 'json' ? 'application/json' : 'text/plain; charset=utf-8',
    ...writeRefusalHeaders(refusal),
  })
  const { code, message, param } = refusal
  const body = { error: { code, message, ...(param === null ? {} : { param }) } }
  stream.end(format === 'json' ? JSON.stringify(body) : `${refusal.message}\n`)
  discardRest(stream)
}

/** What the bridge reads: in the head of an answer, or in the trailers of one that had begun. */
export function writeRefusalHeaders({ code, message }: { code: string; message: string }): Record<string, string> {
  return {
    [REFUSAL_CODE_HEADER]: toAsciiLine(code),
    [REFUSAL_REASON_HEADER]: toAsciiLine(message).slice(0, MAX_REASON_CHARACTERS),
  }
}

/** One line of printable ASCII, as a header value has to be. */
export function toAsciiLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .trim()
}

/** Lets a client that is still sending come to its end: reset at once, it might never read the answer. */
function discardRest(stream: ServerHttp2Stream): void {
  let discarded = 0
  stream.on('data', (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > MAX_DISCARDED_BYTES) stream.close(constants.NGHTTP2_NO_ERROR)
  })
}
