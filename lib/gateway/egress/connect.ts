/**
 * A CONNECT tunnel out of a sandbox. Owns: that nothing the client says reaches the other side before its first TLS record has
 * named the host that was allowed; then bytes both ways, with back-pressure.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { EgressRefusal } from '../../domain/egress-policy.ts'
import { writeRefusal, writeTarget } from '../../domain/egress-policy.ts'
import { isWhole } from '../exchange.ts'
import { Refusal, writeRefusalHeaders } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import { dial } from './dial.ts'
import type { EgressExchange } from './egress-gateway.ts'
import { judgeFirstBytes, readFirstBytes } from './first-bytes.ts'

/** A fatal alert `unrecognized_name` (RFC 6066): the one refusal a TLS client can show. */
const ALERT_UNRECOGNIZED_NAME = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70])

export async function serveConnect(egress: EgressExchange): Promise<void> {
  const { exchange, destination, tlsOnly, timeouts } = egress
  const { stream, signal } = exchange
  const socket = await openConnection(egress)
  const tie = tieTogether(stream, socket)
  socket.setTimeout(timeouts.idleMs, () => socket.destroy(new Error('the connection was idle')))
  if (signal.aborted) {
    socket.destroy()
    return
  }
  const trailers: OutgoingHttpHeaders = {}
  stream.respond({ ':status': 200 }, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers(trailers))
  socket.pipe(stream)
  const first = await readFirstBytes(stream, { tlsOnly, timeoutMs: timeouts.connectMs })
  const refusal = first === null ? null : judgeFirstBytes(first, { target: destination, tlsOnly })
  if (refusal !== null) {
    tie.undo()
    socket.destroy()
    Object.assign(trailers, writeRefusalHeaders({ code: refusal.rule, message: writeRefusal(refusal) }))
    stream.end(writeAnswer(refusal))
    await egress.recordDenied(refusal)
    return
  }
  if (first === null) socket.destroy()
  else passOn(first, { stream, socket })
  await tie.closed
}

/** Whichever side breaks takes the other with it; a side that ends only ends what it says. */
function tieTogether(stream: ServerHttp2Stream, socket: Socket): { closed: Promise<void>; undo(): void } {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const onStreamClosed = () => (isWhole(stream) ? socket.destroy() : breakOff(socket))
  const onSocketClosed = (hadError: boolean) => {
    // A cut must not look like an end: `close` would end the sandbox's side first.
    if (hadError) stream.destroy(new Error('the connection to the host broke'))
    else stream.close()
    resolve()
  }
  stream.once('close', onStreamClosed)
  socket.once('close', onSocketClosed)
  return {
    closed,
    undo() {
      stream.off('close', onStreamClosed)
      socket.off('close', onSocketClosed)
      socket.unpipe(stream)
    },
  }
}

/** What a client that has a tunnel already can show of a refusal. The bridge is told in the trailers. */
function writeAnswer(refusal: EgressRefusal): Buffer {
  if (refusal.rule !== 'not_tls') return ALERT_UNRECOGNIZED_NAME
  const body = `${writeRefusal(refusal)}\n`
  const head = [
    'HTTP/1.1 403 Forbidden',
    'content-type: text/plain',
    `content-length: ${body.length}`,
    'connection: close',
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

async function openConnection({ exchange, destination, timeouts }: EgressExchange): Promise<Socket> {
  try {
    return await dial({ destination, timeoutMs: timeouts.connectMs, signal: exchange.signal })
  } catch (error) {
    throw new Refusal(
      502,
      'connect_failed',
      `${writeTarget(destination)} could not be reached: ${describeFailure(error)}.`,
    )
  }
}

/** A reset, so that the host does not take the part it has for the whole; a TLS connection (to a proxy) has none. */
function breakOff(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

/** What the client says, from its first bytes on. */
function passOn(first: Buffer, { stream, socket }: { stream: ServerHttp2Stream; socket: Socket }): void {
  socket.write(first)
  const end = () => (isWhole(stream) ? socket.end() : breakOff(socket))
  stream.pipe(socket, { end: false })
  if (stream.readableEnded) end()
  else stream.once('end', end)
}
