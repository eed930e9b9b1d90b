/**
 * One request that came out of a sandbox, and what every gateway does with such a stream. Owns: reading a bounded body and
 * writing with back-pressure. Must not know: what any gateway serves.
 */
import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { constants } from 'node:http2'
import { RUN_HEADER } from '../../container/contract/tunnel.ts'
import type { Logger } from '../logger.ts'
import type { TunnelOwner } from './ports.ts'
import { Refusal } from './refusal.ts'

export interface Exchange {
  stream: ServerHttp2Stream
  headers: IncomingHttpHeaders
  owner: TunnelOwner
  /** Aborts when the stream is gone, for whatever reason. */
  signal: AbortSignal
  logger: Logger
}

export type ExchangeHandler = (exchange: Exchange) => Promise<void>

/** The whole body, or a refusal `payload_too_large` past `maxBytes`. */
export async function readBody(exchange: Exchange, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of exchange.stream.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > maxBytes) {
      throw new Refusal(413, 'payload_too_large', `The body is larger than the ${maxBytes} bytes that are taken here.`)
    }
    chunks.push(chunk)
  }
  assertWhole(exchange.stream)
  return Buffer.concat(chunks)
}

/** Writes one chunk and waits while the other side is not reading. Rejects when the stream is gone. */
export async function writeChunk(exchange: Exchange, chunk: Buffer): Promise<void> {
  exchange.signal.throwIfAborted()
  if (!exchange.stream.write(chunk)) await once(exchange.stream, 'drain', { signal: exchange.signal })
}

/** Throws at the end of a request that was broken off: Node ends its stream as if it were whole, only the code tells. */
export function assertWhole(stream: ServerHttp2Stream): void {
  if (!isWhole(stream)) throw new Error('the sandbox broke off its request')
}

/** Asked at `end` or later. */
export function isWhole(stream: ServerHttp2Stream): boolean {
  return stream.rstCode === undefined || stream.rstCode === constants.NGHTTP2_NO_ERROR
}

/** The run that asks, from its header; whether it is in progress is the access port's to say. */
export function readRunId(headers: IncomingHttpHeaders): string {
  const runId = headers[RUN_HEADER]
  if (typeof runId === 'string' && /^[\w-]{1,100}$/.test(runId)) return runId
  throw new Refusal(400, 'validation_failed', `The header ${RUN_HEADER} must name the run that asks.`)
}

/** A header that may be given once. */
export function readHeader(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' ? value : null
}
