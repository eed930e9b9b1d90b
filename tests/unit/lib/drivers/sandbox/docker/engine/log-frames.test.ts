import { describe, expect, it } from 'vitest'
import { splitLogFrames } from '../../../../../../../lib/drivers/sandbox/docker/engine/log-frames.ts'

function frame(stream: number, text: string): Buffer {
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

describe('frames of output', () => {
  it('are taken apart in order, both streams', () => {
    const { frames, rest } = splitLogFrames(Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, '')]))
    expect(frames.map(({ payload, isError }) => [String(payload), isError])).toEqual([
      ['out', false],
      ['err', true],
      ['', false],
    ])
    expect(rest).toHaveLength(0)
  })

  it('wait for the rest when they come cut anywhere', () => {
    const whole = Buffer.concat([frame(1, 'first'), frame(2, 'second')])
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const head = splitLogFrames(whole.subarray(0, cut))
      const tail = splitLogFrames(Buffer.concat([head.rest, whole.subarray(cut)]))
      expect([...head.frames, ...tail.frames].map(({ payload }) => String(payload))).toEqual(['first', 'second'])
    }
  })
})
