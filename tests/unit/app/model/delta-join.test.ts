import { expect, it } from 'vitest'
import { joinPiece, NOTHING_JOINED } from '../../../../app/model/delta-join.ts'

it('appends a piece that follows', () => {
  expect(joinPiece({ start: 0, text: 'ab' }, 2, 'cd')).toEqual({ start: 0, text: 'abcd' })
})

it('leaves out what is known already, wholly or in part', () => {
  const known = { start: 0, text: 'abcd' }
  expect(joinPiece(known, 1, 'bc')).toBe(known)
  expect(joinPiece(known, 2, 'cdef')).toEqual({ start: 0, text: 'abcdef' })
})

it('begins where a reader came in, and takes the whole when it is told later', () => {
  const middle = joinPiece(NOTHING_JOINED, 10, 'klm')
  expect(middle).toEqual({ start: 10, text: 'klm' })
  expect(joinPiece(middle, 0, 'abcdefghijklm')).toEqual({ start: 0, text: 'abcdefghijklm' })
})

it('goes on after a gap with what it has', () => {
  expect(joinPiece({ start: 0, text: 'ab' }, 7, 'hi')).toEqual({ start: 7, text: 'hi' })
})
