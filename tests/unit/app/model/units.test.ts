import { expect, it } from 'vitest'
import { readBytes, readDuration } from '../../../../app/model/units.ts'

it.each([
  ['30m', 1_800_000],
  ['90 s', 90_000],
  ['1h 30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  ['30', null],
  ['', null],
  ['30 parsecs', null],
  ['30m or so', null],
])('reads the time "%s"', (text, milliseconds) => {
  expect(readDuration(text)).toBe(milliseconds)
})

it.each([
  ['512 MiB', 512 * 1024 ** 2],
  ['10GB', 10 * 1024 ** 3],
  ['1.5 g', 1.5 * 1024 ** 3],
  ['2048', 2048],
  ['', null],
  ['ten', null],
  ['10 GiB free', null],
])('reads the size "%s"', (text, bytes) => {
  expect(readBytes(text)).toBe(bytes)
})
