import { constants, type Http2Stream } from 'node:http2'

/** Tells the peer that nobody wants the rest, and closes at once: `close` alone would wait until all was read. */
export function cancelStream(stream: Http2Stream): void {
  if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
  stream.destroy()
}
