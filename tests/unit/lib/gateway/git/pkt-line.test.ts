import { expect, test } from 'vitest'
import {
  encodePktLine,
  MAX_PKT_LINE_BYTES,
  PktLineBuffer,
  PktLineError,
} from '../../../../../lib/gateway/git/pkt-line.ts'

function readAll(bytes: Buffer, pieceBytes: number): unknown[] {
  const lines = new PktLineBuffer()
  const read: unknown[] = []
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    lines.push(bytes.subarray(start, start + pieceBytes))
    for (let line = lines.read(); line !== null; line = lines.read()) {
      read.push(line.kind === 'data' ? line.payload.toString() : { kind: line.kind })
    }
  }
  return read
}

test('lines are the same in whatever pieces they come', () => {
  const bytes = Buffer.concat([
    encodePktLine('a\n'),
    encodePktLine(''),
    Buffer.from('000000010002'),
    encodePktLine('b'),
  ])
  const expected = ['a\n', '', { kind: 'flush' }, { kind: 'delimiter' }, { kind: 'response-end' }, 'b']
  for (const pieceBytes of [1, 2, 3, 5, 1000]) expect(readAll(bytes, pieceBytes)).toEqual(expected)
})

test('the longest line is written and read, a longer one neither', () => {
  const longest = encodePktLine(Buffer.alloc(MAX_PKT_LINE_BYTES - 4, 'x'))
  expect(longest.toString('latin1', 0, 4)).toBe('fff0')
  expect(readAll(longest, 4096)).toHaveLength(1)
  expect(() => encodePktLine(Buffer.alloc(MAX_PKT_LINE_BYTES - 3))).toThrow(RangeError)
  expect(() => readAll(Buffer.from('fff1'), 4)).toThrow(PktLineError)
})

test.each(['0003', 'zzzz', '-001', '+004', '0x10', ' 010'])('%j is no length', (digits) => {
  expect(() => readAll(Buffer.from(digits), 4)).toThrow(PktLineError)
})

test('what follows the lines is given back whole', () => {
  const lines = new PktLineBuffer()
  lines.push(Buffer.from('0006abPACK'))
  lines.read()
  expect(lines.takeRest().toString()).toBe('PACK')
  expect(lines.takeRest()).toHaveLength(0)
})
