/**
 * The exec relay's first words, before it is nothing but a connection. It waits for one byte, then connects to the bridge's
 * socket, then says in one line how that went; from there on its input and output are the connection.
 */

/** Anything else on its input before the connection is a mistake. */
export const RELAY_GO = '\n'
/** How long it looks for a socket that is not there yet, or that nobody listens on. */
export const RELAY_WAIT_MS = 1_000

const LINE = /^berth-relay (connected|[A-Z][A-Z0-9_]*)$/

/** `outcome`: "connected", or the errno of the attempt. */
export function toRelayLine(outcome: string): string {
  return `berth-relay ${outcome}\n`
}

/** Null for a line that no relay wrote. */
export function readRelayLine(line: string): string | null {
  return line.match(LINE)?.[1] ?? null
}
