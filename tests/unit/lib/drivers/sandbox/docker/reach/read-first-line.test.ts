import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { readFirstLine } from '../../../../../../../lib/drivers/sandbox/docker/reach/read-first-line.ts'

describe('the first line of a stream', () => {
  it('comes without what follows, which stays in the stream', async () => {
    for (const cut of [1, 5, 6, 7]) {
      const stream = new PassThrough()
      stream.write('hello\nrest'.slice(0, cut))
      const line = readFirstLine(stream)
      stream.end('hello\nrest'.slice(cut))
      expect(await line).toBe('hello')
      expect(await text(stream)).toBe('rest')
    }
  })

  it('is what there was where the stream ends, null for nothing', async () => {
    const [some, none] = [new PassThrough(), new PassThrough()]
    some.end('hel')
    none.end()
    expect([await readFirstLine(some), await readFirstLine(none)]).toEqual(['hel', null])
  })

  it('is null where the stream has broken, now or before', async () => {
    const [now, before] = [new PassThrough(), new PassThrough()]
    before.destroy()
    await once(before, 'close')
    const line = readFirstLine(now)
    now.destroy()
    expect([await line, await readFirstLine(before)]).toEqual([null, null])
  })

  it('is no more than some thousand bytes', async () => {
    const stream = new PassThrough()
    stream.write('x'.repeat(5_000))
    expect((await readFirstLine(stream))?.length).toBe(5_000)
  })
})
