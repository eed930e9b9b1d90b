import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../src/parse-duration.js'

test('what was formatted is read back', () => {
  assert.equal(parseDuration('850ms'), 850)
  assert.equal(parseDuration('4m 05s'), 245_000)
  assert.equal(parseDuration('2h 00m'), 7_200_000)
})

test('anything else is refused', () => {
  assert.throws(() => parseDuration('soon'), RangeError)
})
