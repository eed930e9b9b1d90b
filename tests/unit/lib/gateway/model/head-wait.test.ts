import { expect, test } from 'vitest'
import { readHeadWait } from '../../../../../lib/gateway/model/head-wait.ts'

test.each([
  [undefined, 300_000],
  ['90000', 90_000],
  ['300001', 300_000],
  ['1', 30_000],
  ['0', 300_000],
  ['-5', 300_000],
  ['soon', 300_000],
  ['Infinity', 300_000],
])('a sandbox that asks for %s ms has its provider waited for %s', (asked, waitMs) => {
  expect(readHeadWait(asked === undefined ? {} : { 'x-berth-wait': asked }, 300_000)).toBe(waitMs)
})
