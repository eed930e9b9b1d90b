/** What a stream of the tunnel brings, on to a program: an end is passed on as an end, a cut as a cut. */
import { type ClientHttp2Stream, constants } from 'node:http2'
import type { Writable } from 'node:stream'

/**
 * True when the peer ended its side. Asked at `end` or later. Node emits `end` for a stream that was cut, too: only the
 * code it was closed with tells them apart.
 */
export function endedWell(stream: ClientHttp2Stream): boolean {
  return stream.readableEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.errored === null
}

/** Writes the stream to `destination` at its pace and ends that when the stream ends; calls `onCut` when it is cut. */
export function relay(stream: ClientHttp2Stream, destination: Writable, onCut: () => void): void {
  stream.pipe(destination, { end: false })
  let ended = false
  stream.once('end', () => {
    ended = endedWell(stream)
    if (ended) destination.end()
  })
  stream.once('close', () => {
    if (!ended) onCut()
  })
}
