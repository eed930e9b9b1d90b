import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { readClientHello } from '../../../../../lib/gateway/egress/client-hello.ts'
import { createSocketPair } from '../../../../support/tunnel-rig.ts'

/** What a real client sends first. */
async function captureHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const [inside, outside] = await createSocketPair()
  const client = tls.connect({ socket: inside, ...options })
  client.on('error', () => {})
  const [hello] = (await once(outside, 'data')) as [Buffer]
  client.destroy()
  outside.destroy()
  return hello
}

/** The same handshake message, cut into records of `size` bytes. */
function fragment(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let start = 0; start < message.length; start += size) {
    const part = message.subarray(start, start + size)
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 0xff]), part)
  }
  return Buffer.concat(records)
}

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'the server name of a real %s client is read, lower case',
  async (version) => {
    const hello = await captureHello({ servername: 'Registry.Example.TEST', minVersion: version, maxVersion: version })
    expect(readClientHello(hello)).toEqual({ kind: 'hello', serverName: 'registry.example.test' })
  },
)

test('a client that names no server is read as such', async () => {
  expect(readClientHello(await captureHello({}))).toEqual({ kind: 'hello', serverName: null })
})

test('a hello is incomplete at every cut before its end, and read over any records', async () => {
  const hello = await captureHello({ servername: 'example.test' })
  for (let end = 0; end < hello.length; end += 1) {
    expect(readClientHello(hello.subarray(0, end)).kind).toBe('incomplete')
  }
  for (const size of [1, 3, 100]) {
    expect(readClientHello(fragment(hello, size))).toEqual({ kind: 'hello', serverName: 'example.test' })
  }
})

test.each([1, 3, 100, 16_000])(
  'in records of %i bytes a hello that comes byte by byte has to be read a few times only',
  async (size) => {
    const hello = fragment(await captureHello({ servername: 'example.test' }), size)
    let [end, looks] = [0, 0]
    for (;;) {
      const read = readClientHello(hello.subarray(0, end))
      looks += 1
      if (read.kind !== 'incomplete') break
      expect(read.missingBytes).toBeGreaterThan(0)
      end += read.missingBytes
    }
    expect(end).toBeLessThanOrEqual(hello.length)
    expect(readClientHello(hello.subarray(0, end))).toEqual({ kind: 'hello', serverName: 'example.test' })
    expect(looks).toBeLessThan(60)
  },
)

test('what is not TLS, and what is broken TLS, is told apart', async () => {
  const hello = await captureHello({ servername: 'example.test' })
  expect(readClientHello(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'not_tls' })
  expect(readClientHello(Buffer.from([0x16, 3, 1, 0xff, 0xff, 1]))).toEqual({ kind: 'malformed' })
  expect(readClientHello(Buffer.from([0x16, 2, 1, 0, 5, 1]))).toEqual({ kind: 'malformed' })
  const serverHello = Buffer.from(hello)
  serverHello[5] = 2
  expect(readClientHello(serverHello)).toEqual({ kind: 'malformed' })
  const lying = Buffer.from(hello)
  lying[43] = 0xff
  expect(['malformed', 'hello']).toContain(readClientHello(lying).kind)
})

test('a name twice, or two names, are malformed: which of them the server takes is open', () => {
  const name = (text: string) => Buffer.concat([Buffer.from([0, 0, text.length]), Buffer.from(text)])
  const list = (...names: Buffer[]) => {
    const entries = Buffer.concat(names)
    return Buffer.concat([Buffer.from([0, 0, 0, entries.length + 2, 0, entries.length]), entries])
  }
  const hello = (extensions: Buffer) => {
    const body = Buffer.concat([
      Buffer.from([3, 3]),
      Buffer.alloc(32),
      Buffer.from([0, 0, 2, 0x13, 1, 1, 0, extensions.length >> 8, extensions.length & 0xff]),
      extensions,
    ])
    const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 0xff]), body])
    return Buffer.concat([Buffer.from([0x16, 3, 1, message.length >> 8, message.length & 0xff]), message])
  }
  expect(readClientHello(hello(list(name('a.test'))))).toEqual({ kind: 'hello', serverName: 'a.test' })
  expect(readClientHello(hello(list(name('a.test'), name('b.test'))))).toEqual({ kind: 'malformed' })
  expect(readClientHello(hello(Buffer.concat([list(name('a.test')), list(name('b.test'))])))).toEqual({
    kind: 'malformed',
  })
})

test('random bytes behind a record header never throw', () => {
  const stream = new PassThrough()
  stream.destroy()
  for (let seed = 0; seed < 500; seed += 1) {
    const bytes = Buffer.from(Array.from({ length: 80 }, (_, index) => (seed * 31 + index * index * 7) & 0xff))
    bytes.set([0x16, 3, 1, 0, 75, 1, 0, 0, 71])
    expect(['hello', 'malformed']).toContain(readClientHello(bytes).kind)
  }
})
