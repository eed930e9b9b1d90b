/** Takes a secret out of bytes that pass in pieces: a provider may quote the key that it was sent, whichever way they are cut. */

export interface Redactor {
  /** What may go on; what might be the beginning of the secret is held back until the next piece. */
  feed(chunk: Buffer): Buffer
  /** What was held back. */
  end(): Buffer
}

export const REDACTED = '(the key)'

export function redact(text: string, secret: string): string {
  return secret === '' ? text : text.replaceAll(secret, REDACTED)
}

export function createRedactor(secret: string): Redactor {
  const wanted = Buffer.from(secret)
  const instead = Buffer.from(REDACTED)
  let held = Buffer.alloc(0)
  return {
    feed(chunk) {
      if (wanted.length === 0) return chunk
      const pieces: Buffer[] = []
      let rest: Buffer = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      for (let at = rest.indexOf(wanted); at !== -1; at = rest.indexOf(wanted)) {
        pieces.push(rest.subarray(0, at), instead)
        rest = rest.subarray(at + wanted.length)
      }
      const keep = beginningAtEnd(rest, wanted)
      pieces.push(rest.subarray(0, rest.length - keep))
      held = Buffer.from(rest.subarray(rest.length - keep))
      return pieces.length === 1 ? (pieces[0] ?? rest) : Buffer.concat(pieces)
    },
    end() {
      const last = held
      held = Buffer.alloc(0)
      return last
    },
  }
}

/** How many of the last bytes may be the beginning of what is wanted. */
function beginningAtEnd(bytes: Buffer, wanted: Buffer): number {
  for (let length = Math.min(bytes.length, wanted.length - 1); length > 0; length -= 1) {
    if (bytes.subarray(bytes.length - length).equals(wanted.subarray(0, length))) return length
  }
  return 0
}
