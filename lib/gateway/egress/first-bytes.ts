/**
 * The first bytes of a client in a tunnel, and whether they may go on: TLS must name the host that was allowed, and on the usual
 * ports nothing else is spoken. Owns: that rule. Must not know: the connection to the host.
 */
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import type { EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import { HTTPS_PORT, writeEntry, writeTarget } from '../../domain/egress-policy.ts'
import { toAsciiLine } from '../refusal.ts'
import { readClientHello } from './client-hello.ts'

/** A hello with post-quantum keys has about 2 KiB. */
const MAX_HELLO_BYTES = 16 * 1024

/**
 * The client's bytes up to the end of its ClientHello, or its first ones where it speaks no TLS; null when it goes silent.
 * `tlsOnly` false: anything may be spoken there, and by the host first.
 */
export function readFirstBytes(
  stream: Readable,
  { tlsOnly, timeoutMs }: { tlsOnly: boolean; timeoutMs: number },
): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    // Bytes that come one by one must not be read anew each time.
    let nextLook = 1
    const finish = (result: Buffer | null) => {
      clearTimeout(timer)
      stream.off('data', onData)
      stream.off('end', onEnd)
      stream.off('close', onClose)
      stream.pause()
      resolve(result)
    }
    const onData = (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size < nextLook) return
      const bytes = Buffer.concat(chunks)
      const hello = readClientHello(bytes)
      if (hello.kind !== 'incomplete' || size > MAX_HELLO_BYTES) finish(bytes)
      else nextLook = Math.min(size + hello.missingBytes, MAX_HELLO_BYTES + 1)
    }
    const onEnd = () => finish(Buffer.concat(chunks))
    const onClose = () => finish(null)
    const timer = tlsOnly ? setTimeout(onClose, timeoutMs) : undefined
    stream.on('data', onData)
    stream.once('end', onEnd)
    stream.once('close', onClose)
  })
}

/** Null: they may go on. */
export function judgeFirstBytes(
  bytes: Buffer,
  { target, tlsOnly }: { target: EgressTarget; tlsOnly: boolean },
): EgressRefusal | null {
  const hello = readClientHello(bytes)
  const to = writeTarget(target)
  const cure = 'connect with TLS, and with the name of the host that was asked for'
  if (bytes.length === 0) return null
  if (hello.kind === 'not_tls') return tlsOnly ? refusePlainText(target) : null
  if (hello.kind !== 'hello') {
    return { rule: 'tls_malformed', reason: `the first TLS record to ${to} cannot be read`, cure }
  }
  const expected = isIP(target.host) === 0 ? target.host : null
  if (hello.serverName === expected) return null
  if (hello.serverName === null) {
    return { rule: 'sni_missing', reason: `the TLS connection to ${to} names no server`, cure }
  }
  const named = toAsciiLine(hello.serverName).slice(0, 300)
  return { rule: 'sni_mismatch', reason: `the TLS connection to ${to} names the server ${named}`, cure }
}

/** What plain text asks for behind a CONNECT is not looked at, so it gets nowhere. */
function refusePlainText(target: EgressTarget): EgressRefusal {
  const plainly = `, or ask the proxy for http://${writeEntry(target)}/ without CONNECT`
  return {
    rule: 'not_tls',
    reason: `what is sent to ${writeTarget(target)} through CONNECT is not TLS`,
    cure: `connect with TLS${target.port === HTTPS_PORT ? '' : plainly}`,
  }
}
