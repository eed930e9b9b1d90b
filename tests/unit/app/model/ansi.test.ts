import { expect, it } from 'vitest'
import { parseAnsi, stripAnsi } from '../../../../app/model/ansi.ts'

const ESC = '\u001b'

it('keeps colour and weight over lines until they are reset', () => {
  const lines = parseAnsi(`${ESC}[1;31mFAILED\nstill${ESC}[0m plain`)
  expect(lines).toEqual([
    [{ text: 'FAILED', color: 'red', bold: true, dim: false }],
    [
      { text: 'still', color: 'red', bold: true, dim: false },
      { text: ' plain', color: null, bold: false, dim: false },
    ],
  ])
})

it('reads past colours of 256 and of three bytes without taking their numbers for codes', () => {
  expect(parseAnsi(`${ESC}[38;5;31ma${ESC}[38;2;1;2;31mb${ESC}[92mc`)[0]).toEqual([
    { text: 'a', color: null, bold: false, dim: false },
    { text: 'b', color: null, bold: false, dim: false },
    { text: 'c', color: 'green', bold: false, dim: false },
  ])
})

it('drops cursor movements, titles and other control characters', () => {
  expect(stripAnsi(`${ESC}]0;title\u0007${ESC}[2J${ESC}[1;1Ha\u0007b${ESC}(Bc\tend`)).toBe('abc\tend')
})

it('overwrites a line at a carriage return, and reads CRLF as a line end', () => {
  expect(stripAnsi('10%\r50%\r100%\nnext\r\nlast\r')).toBe('100%\nnext\nlast')
})
