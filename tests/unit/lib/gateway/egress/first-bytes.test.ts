import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { judgeFirstBytes, readFirstBytes } from '../../../../../lib/gateway/egress/first-bytes.ts'

const HTTPS = { target: { host: 'a.test', port: 443 }, tlsOnly: true }
const HTTP = { target: { host: 'a.test', port: 80 }, tlsOnly: true }
/** A person named host and port together. */
const NAMED = { target: { host: 'a.test', port: 8443 }, tlsOnly: false }
const ADDRESS = { target: { host: '203.0.113.1', port: 443 }, tlsOnly: true }

/** A ClientHello, with a server name or without. */
function createHello(serverName: string | null): Buffer {
  const withLength = (bytes: Buffer) => Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
  const entry = (name: string) => Buffer.concat([Buffer.from([0]), withLength(Buffer.from(name))])
  const extension = serverName === null ? [] : [Buffer.from([0, 0]), withLength(withLength(entry(serverName)))]
  const suites = Buffer.from([0, 0, 2, 0x13, 1, 1, 0])
  const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32), suites, withLength(Buffer.concat(extension))])
  return Buffer.concat([Buffer.from([0x16, 3, 1]), withLength(Buffer.concat([Buffer.from([1, 0]), withLength(body)]))])
}

test.each([
  ['the name that was asked for', HTTPS, createHello('A.test.'), null],
  ['another name', HTTPS, createHello('b.test'), 'sni_mismatch'],
  ['the name under another', HTTPS, createHello('x.a.test'), 'sni_mismatch'],
  ['no name', HTTPS, createHello(null), 'sni_missing'],
  ['no name, to an address', ADDRESS, createHello(null), null],
  ['a name, to an address', ADDRESS, createHello('a.test'), 'sni_mismatch'],
  ['another name on a port that was named', NAMED, createHello('b.test'), 'sni_mismatch'],
  ['plain text on 443', HTTPS, Buffer.from('GET / HTTP/1.1\r\n'), 'not_tls'],
  ['plain text on 80', HTTP, Buffer.from('GET / HTTP/1.1\r\n'), 'not_tls'],
  ['plain text on a port that was named', NAMED, Buffer.from('SSH-2.0-x\r\n'), null],
  ['half a hello', HTTPS, createHello('a.test').subarray(0, 30), 'tls_malformed'],
  ['nothing', HTTPS, Buffer.alloc(0), null],
])('a client that sends %s is judged so', (_what, rule, bytes, expected) => {
  expect(judgeFirstBytes(bytes, rule)?.rule ?? null).toBe(expected)
})

test('bytes are kept back until the hello is whole, also byte by byte, and what follows it is kept too', async () => {
  const stream = new PassThrough()
  const first = readFirstBytes(stream, { tlsOnly: true, timeoutMs: 10_000 })
  const hello = createHello('a.test')
  for (const byte of hello.subarray(0, -1)) stream.write(Buffer.from([byte]))
  stream.write(Buffer.concat([hello.subarray(-1), Buffer.from([0x17, 3, 3, 0, 1, 0])]))
  const bytes = await first
  expect(bytes).toEqual(Buffer.concat([hello, Buffer.from([0x17, 3, 3, 0, 1, 0])]))
  expect(judgeFirstBytes(bytes ?? Buffer.alloc(0), HTTPS)).toBeNull()
})

test('a hello without an end is refused after 16 KiB', async () => {
  const stream = new PassThrough()
  const first = readFirstBytes(stream, { tlsOnly: true, timeoutMs: 10_000 })
  const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), Buffer.alloc(16_380)])
  stream.write(record)
  stream.write(record)
  expect(judgeFirstBytes((await first) ?? Buffer.alloc(0), HTTPS)?.rule).toBe('tls_malformed')
})

test('refused plain text is told of the way that plain http has, where it has one', () => {
  const text = Buffer.from('GET / HTTP/1.1\r\n')
  expect(judgeFirstBytes(text, HTTP)?.cure).toBe(
    'connect with TLS, or ask the proxy for http://a.test/ without CONNECT',
  )
  expect(judgeFirstBytes(text, HTTPS)?.cure).toBe('connect with TLS')
})

test('where only TLS goes a client has to speak within the time given, elsewhere the host may speak first', async () => {
  expect(await readFirstBytes(new PassThrough(), { tlsOnly: true, timeoutMs: 20 })).toBeNull()
  const elsewhere = new PassThrough()
  const first = readFirstBytes(elsewhere, { tlsOnly: false, timeoutMs: 1 })
  elsewhere.end('SSH')
  expect(await first).toEqual(Buffer.from('SSH'))
})
