import { describe, expect, it } from 'vitest'
import { createLineReader } from '../../../../container/contract/lines.ts'

function readLines(chunks: (string | Uint8Array)[], maxBytes = 100): { lines: string[]; accepted: boolean[] } {
  const lines: string[] = []
  const reader = createLineReader({ maxBytes, onLine: (line) => lines.push(line) })
  return { accepted: chunks.map((chunk) => reader.push(Buffer.from(chunk))), lines }
}

describe('createLineReader', () => {
  it('puts lines together from pieces cut anywhere, characters included', () => {
    const bytes = Buffer.from('one\ntwö €\n\nlast, not ended')
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(readLines([bytes.subarray(0, cut), bytes.subarray(cut)]).lines).toEqual(['one', 'twö €', ''])
    }
    expect(readLines([...bytes].map((byte) => Buffer.from([byte]))).lines).toEqual(['one', 'twö €', ''])
  })

  it('takes a line of exactly the longest length and none longer, ended or not', () => {
    expect(readLines(['12345\n'], 5)).toEqual({ lines: ['12345'], accepted: [true] })
    expect(readLines(['ok\n123456\nlost\n'], 5)).toEqual({ lines: ['ok'], accepted: [false] })
    expect(readLines(['123', '456', '\nlost\n'], 5)).toEqual({ lines: [], accepted: [true, false, false] })
  })
})
