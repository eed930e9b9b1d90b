import type { Http2Stream } from 'node:http2'

/**
 * Tells the peer that the rest will not come or is not wanted. With an error, always: `close` with any code, and `destroy`
 * without one, first end the side that is still being written (END_STREAM), and half a body would look like a whole one.
 */
export function cancelStream(stream: Http2Stream): void {
  stream.destroy(new Error('The stream was given up.'))
}
