/**
 * The body of a push as it reads without its content encoding. Owns: how much a compressed one may unpack to. git never
 * compresses a push, other clients do while it fits into their buffer (JGit: 1 MiB); what is larger is sent plain.
 */
import { createGunzip } from 'node:zlib'
import type { Exchange } from '../exchange.ts'
import { assertWhole, readHeader } from '../exchange.ts'
import { Refusal } from '../refusal.ts'
import type { ByteSource } from './byte-source.ts'
import { createByteSource } from './byte-source.ts'

export const MAX_UNPACKED_BYTES: number = 64 * 1024 * 1024

/** Throws a Refusal for an encoding that is none of git's; reading throws one past the bound. */
export function openPushBody({ stream, headers }: Exchange): ByteSource {
  const encoding = readHeader(headers, 'content-encoding')
  const checkEnd = (piece: Buffer | null) => {
    if (piece === null) assertWhole(stream)
  }
  if (encoding === null || encoding === 'identity') return createByteSource(stream, { check: checkEnd })
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new Refusal(415, 'validation_failed', 'A body may be gzip or plain.')
  }
  const gunzip = createGunzip()
  stream.once('close', () => {
    if (!stream.readableEnded) gunzip.destroy(new Error('the sandbox closed the stream'))
  })
  let unpacked = 0
  return createByteSource(stream.pipe(gunzip), {
    check: (piece) => {
      checkEnd(piece)
      unpacked += piece?.length ?? 0
      if (unpacked > MAX_UNPACKED_BYTES) throw tooLarge()
    },
    // As it comes: a bomb must not be unpacked only to be thrown away.
    discard: () => {
      stream.unpipe(gunzip)
      return createByteSource(stream, { check: checkEnd }).discard()
    },
  })
}

function tooLarge(): Refusal {
  const words = `a compressed push may unpack to at most ${MAX_UNPACKED_BYTES} bytes: send it plain`
  return new Refusal(413, 'payload_too_large', words)
}
