import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** True when the request carries the token whose SHA-256 (hex) the bridge was given. Takes the same time either way. */
export function isAuthorised(request: IncomingMessage, tokenSha256: string): boolean {
  const token = /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return false
  const expected = Buffer.from(tokenSha256, 'hex')
  const actual = createHash('sha256').update(token).digest()
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}
