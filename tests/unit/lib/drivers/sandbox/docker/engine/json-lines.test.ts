import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readJsonLines } from '../../../../../../../lib/drivers/sandbox/docker/engine/json-lines.ts'

describe('messages of the engine', () => {
  it('are read whole however the stream is cut, also inside a character', async () => {
    const bytes = Buffer.from('{"a":"é"}\r\n{"a":"2"}\n{"a":"3"}')
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const stream = Readable.from([bytes.subarray(0, cut), bytes.subarray(cut)])
      expect(await Readable.from(readJsonLines(stream)).toArray()).toEqual([{ a: 'é' }, { a: '2' }, { a: '3' }])
    }
  })
})
