/**
 * A CONNECT tunnel out of a sandbox. Owns: that nothing the client says reaches the other side before its first TLS record has
 * named the host that was allowed; then bytes both ways, with back-pressure.
 */
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { writeTarget } from '../../domain/egress-policy.ts'
import { isWhole } from '../exchange.ts'
import { Refusal } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import { dial } from './dial.ts'
import type { EgressExchange } from './egress-gateway.ts'
import { judgeFirstBytes, readFirstBytes } from './first-bytes.ts'

/** A fatal alert `unrecognized_name` (RFC 6066): the one refusal a TLS client can show. */
const ALERT_UNRECOGNIZED_NAME = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70])

export async function serveConnect(egress: EgressExchange): Promise<void> {
  const { exchange, destination, timeouts, recordDenied } = egress
  const { stream, signal } = exchange
  const socket = await openConnection(egress)
  // Whichever side breaks takes the other with it; a side that ends only ends what it says.
  stream.once('close', () => (isWhole(stream) ? socket.destroy() : breakOff(socket)))
  const closed = new Promise<void>((resolve) => {
    socket.once('close', (hadError) => {
      // A cut must not look like an end: `close` would end the sandbox's side first.
      if (hadError) stream.destroy(new Error('the connection to the host broke'))
      else stream.close()
      resolve()
    })
  })
  socket.setTimeout(timeouts.idleMs, () => socket.destroy(new Error('the connection was idle')))
  if (signal.aborted) {
    socket.destroy()
    return
  }
  stream.respond({ ':status': 200 })
  socket.pipe(stream)
  const first = await readFirstBytes(stream, destination, timeouts.connectMs)
  const refusal = first === null ? null : judgeFirstBytes(first, destination)
  if (first === null) {
    socket.destroy()
  } else if (refusal !== null) {
    socket.unpipe(stream)
    stream.end(ALERT_UNRECOGNIZED_NAME)
    socket.destroy()
    await recordDenied(refusal)
  } else {
    socket.write(first)
    passOn(stream, socket)
  }
  await closed
}

async function openConnection({ exchange, destination, proxyUrl, timeouts }: EgressExchange): Promise<Socket> {
  try {
    return await dial({ destination, proxyUrl, timeoutMs: timeouts.connectMs, signal: exchange.signal })
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

function passOn(stream: ServerHttp2Stream, socket: Socket): void {
  const end = () => (isWhole(stream) ? socket.end() : breakOff(socket))
  stream.pipe(socket, { end: false })
  if (stream.readableEnded) end()
  else stream.once('end', end)
}
