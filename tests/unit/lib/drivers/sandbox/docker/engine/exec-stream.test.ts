import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { ExecStream } from '../../../../../../../lib/drivers/sandbox/docker/engine/exec-stream.ts'

const OUT = 1
const ERR = 2

function frame(stream: number, payload: string | Buffer): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(Buffer.byteLength(payload), 4)
  return Buffer.concat([header, Buffer.from(payload)])
}

function open() {
  const [near, engine] = duplexPair()
  return { near, engine, stream: new ExecStream(near) }
}

describe('the connection of an exec', () => {
  it('reads the standard output, however its frames are cut, and keeps the standard error apart', async () => {
    const { engine, stream } = open()
    const whole = Buffer.concat([frame(OUT, 'one '), frame(ERR, 'oh no'), frame(OUT, ''), frame(OUT, 'two')])
    for (const byte of whole) engine.write(Buffer.from([byte]))
    engine.end()
    expect(await text(stream)).toBe('one two')
    expect(stream.words).toBe('oh no')
  })

  it('writes the standard input, and ends it alone', async () => {
    const { engine, stream } = open()
    stream.end('asked')
    expect(await text(engine)).toBe('asked')
    engine.end(frame(OUT, 'answered'))
    expect(await text(stream)).toBe('answered')
  })

  it('loses nothing that came before the connection closed, for a reader who comes late', async () => {
    const { engine, near, stream } = open()
    engine.end(frame(OUT, 'the last words'))
    await once(engine, 'finish')
    engine.resume()
    near.end()
    await once(near, 'close')
    expect(await text(stream)).toBe('the last words')
  })

  it('closes without an end when the connection breaks', async () => {
    const { near, stream } = open()
    const closed = once(stream, 'close')
    near.destroy()
    await closed
    expect(stream.readableEnded).toBe(false)
  })

  it('takes no more than its reader does', async () => {
    const { engine, stream } = open()
    const payload = Buffer.alloc(16 * 1024)
    let taken = 0
    const write = () => {
      while (taken < 1_000 && engine.write(frame(OUT, payload))) taken += 1
    }
    engine.on('drain', write)
    write()
    await once(stream, 'readable')
    expect(taken).toBeLessThan(20)
    let read = 0
    for await (const chunk of stream) {
      read += chunk.length
      if (read >= 100 * payload.length) break
    }
    expect(stream.destroyed).toBe(true)
  })

  it('closes the connection when it is destroyed', async () => {
    const { near, stream } = open()
    stream.destroy()
    await once(near, 'close')
  })
})
