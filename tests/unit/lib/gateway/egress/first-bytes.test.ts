import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { judgeFirstBytes, readFirstBytes } from '../../../../../lib/gateway/egress/first-bytes.ts'

const HTTPS = { host: 'a.test', port: 443 }

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
  ['no name, to an address', { host: '203.0.113.1', port: 443 }, createHello(null), null],
  ['a name, to an address', { host: '203.0.113.1', port: 443 }, createHello('a.test'), 'sni_mismatch'],
  ['another name on another port', { host: 'a.test', port: 8443 }, createHello('b.test'), 'sni_mismatch'],
  ['plain text on 443', HTTPS, Buffer.from('GET / HTTP/1.1\r\n'), 'not_tls'],
  ['plain text on another port', { host: 'a.test', port: 22 }, Buffer.from('SSH-2.0-x\r\n'), null],
  ['half a hello', HTTPS, createHello('a.test').subarray(0, 30), 'tls_malformed'],
  ['nothing', HTTPS, Buffer.alloc(0), null],
])('a client that sends %s is judged so', (_what, target, bytes, rule) => {
  expect(judgeFirstBytes(bytes, target)?.rule ?? null).toBe(rule)
})

test('bytes are kept back until the hello is whole, also byte by byte, and what follows it is kept too', async () => {
  const stream = new PassThrough()
  const first = readFirstBytes(stream, HTTPS, 10_000)
  const hello = createHello('a.test')
  for (const byte of hello.subarray(0, -1)) stream.write(Buffer.from([byte]))
  stream.write(Buffer.concat([hello.subarray(-1), Buffer.from([0x17, 3, 3, 0, 1, 0])]))
  const bytes = await first
  expect(bytes).toEqual(Buffer.concat([hello, Buffer.from([0x17, 3, 3, 0, 1, 0])]))
  expect(judgeFirstBytes(bytes ?? Buffer.alloc(0), HTTPS)).toBeNull()
})

test('a hello without an end is refused after 16 KiB', async () => {
  const stream = new PassThrough()
  const first = readFirstBytes(stream, HTTPS, 10_000)
  const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff]), Buffer.alloc(16_380)])
  stream.write(record)
  stream.write(record)
  expect(judgeFirstBytes((await first) ?? Buffer.alloc(0), HTTPS)?.rule).toBe('tls_malformed')
})

test('on 443 a client has to speak within the time given, elsewhere the host may speak first', async () => {
  expect(await readFirstBytes(new PassThrough(), HTTPS, 20)).toBeNull()
  const elsewhere = new PassThrough()
  const first = readFirstBytes(elsewhere, { host: 'a.test', port: 22 }, 1)
  elsewhere.end('SSH')
  expect(await first).toEqual(Buffer.from('SSH'))
})
