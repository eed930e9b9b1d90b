/**
 * The server name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), read off the first bytes of a
 * connection. Owns: that much of TLS. Must not know: what name is right.
 */

export type ClientHello =
  /** So many more bytes are needed before it can be whole, at least. */
  | { kind: 'incomplete'; missingBytes: number }
  | { kind: 'not_tls' }
  | { kind: 'malformed' }
  /** `serverName` is lower case without a trailing dot; null when the client named none. */
  | { kind: 'hello'; serverName: string | null }

const RECORD_HANDSHAKE = 0x16
const HANDSHAKE_CLIENT_HELLO = 1
const EXTENSION_SERVER_NAME = 0
const NAME_TYPE_HOST = 0
const RECORD_HEADER_BYTES = 5
const MAX_RECORD_BYTES = 16_384
const HANDSHAKE_HEADER_BYTES = 4
const RANDOM_BYTES = 32

class MalformedHello extends Error {}

/** Reads `bytes` from their beginning; what follows the hello is not looked at. */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length === 0) return { kind: 'incomplete', missingBytes: RECORD_HEADER_BYTES }
  if (bytes[0] !== RECORD_HANDSHAKE) return { kind: 'not_tls' }
  try {
    const message = joinHandshakeMessage(bytes)
    return Buffer.isBuffer(message) ? { kind: 'hello', serverName: readServerName(message) } : message
  } catch (error) {
    if (error instanceof MalformedHello) return { kind: 'malformed' }
    throw error
  }
}

/** The body of the first handshake message, which may be spread over several records. */
function joinHandshakeMessage(bytes: Buffer): Buffer | (ClientHello & { kind: 'incomplete' }) {
  const { parts, isBroken, missingBytes } = splitRecords(bytes)
  const message = Buffer.concat(parts)
  if (message.length > 0 && message[0] !== HANDSHAKE_CLIENT_HELLO) throw new MalformedHello()
  const hasHeader = message.length >= HANDSHAKE_HEADER_BYTES
  const end = HANDSHAKE_HEADER_BYTES + (hasHeader ? message.readUIntBE(1, 3) : 0)
  if (hasHeader && message.length >= end) return message.subarray(HANDSHAKE_HEADER_BYTES, end)
  if (isBroken) throw new MalformedHello()
  return { kind: 'incomplete', missingBytes: Math.max(missingBytes, end - message.length) }
}

/**
 * Contents of the handshake records at the beginning. `isBroken`: something else follows them, which is right after a hello.
 * `missingBytes`: until the last of them, or the header of the next one, is whole.
 */
function splitRecords(bytes: Buffer): { parts: Buffer[]; isBroken: boolean; missingBytes: number } {
  const parts: Buffer[] = []
  let offset = 0
  while (bytes.length >= offset + RECORD_HEADER_BYTES) {
    const length = bytes.readUInt16BE(offset + 3)
    const isHandshake = bytes[offset] === RECORD_HANDSHAKE && bytes[offset + 1] === 3
    if (!isHandshake || length === 0 || length > MAX_RECORD_BYTES) return { parts, isBroken: true, missingBytes: 0 }
    parts.push(bytes.subarray(offset + RECORD_HEADER_BYTES, offset + RECORD_HEADER_BYTES + length))
    offset += RECORD_HEADER_BYTES + length
  }
  const missingBytes = offset > bytes.length ? offset - bytes.length : offset + RECORD_HEADER_BYTES - bytes.length
  return { parts, isBroken: false, missingBytes }
}

function readServerName(message: Buffer): string | null {
  const hello = createReader(message)
  hello.skip(2 + RANDOM_BYTES)
  hello.vector(1)
  hello.vector(2)
  hello.vector(1)
  if (hello.atEnd()) return null
  const extensions = createReader(hello.vector(2))
  let serverName: string | null = null
  while (!extensions.atEnd()) {
    const type = extensions.number(2)
    const data = extensions.vector(2)
    if (type !== EXTENSION_SERVER_NAME) continue
    if (serverName !== null) throw new MalformedHello()
    serverName = readNameList(data)
  }
  return serverName
}

/** Exactly one host name: a list of several would leave open which one the server takes. */
function readNameList(data: Buffer): string {
  const list = createReader(createReader(data).vector(2))
  const type = list.number(1)
  const name = list.vector(2).toString('latin1')
  if (type !== NAME_TYPE_HOST || !list.atEnd() || name === '') throw new MalformedHello()
  return name.toLowerCase().replace(/\.$/, '')
}

function createReader(bytes: Buffer) {
  let offset = 0
  const take = (length: number) => {
    if (offset + length > bytes.length) throw new MalformedHello()
    offset += length
    return bytes.subarray(offset - length, offset)
  }
  const number = (size: 1 | 2) => take(size).readUIntBE(0, size)
  return {
    number,
    skip: (length: number) => void take(length),
    /** Bytes behind a length of `size` bytes. */
    vector: (size: 1 | 2) => take(number(size)),
    atEnd: () => offset === bytes.length,
  }
}
