/** How long a provider may take to begin an answer. A sandbox may ask for less than it has otherwise, never for more. Pure. */
import type { IncomingHttpHeaders } from 'node:http'
import { SHORTEST_SILENCE_MS, WAIT_HEADER } from '../../../container/contract/tunnel.ts'

/** In ms; `longestMs` unless the header names a time. */
export function readHeadWait(headers: IncomingHttpHeaders, longestMs: number): number {
  const asked = Number(headers[WAIT_HEADER])
  return asked > 0 ? Math.min(longestMs, Math.max(SHORTEST_SILENCE_MS, asked)) : longestMs
}
