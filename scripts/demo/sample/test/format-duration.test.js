import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration } from '../src/format-duration.js'

test('less than a second is shown in milliseconds', () => {
  assert.equal(formatDuration(0), '0ms')
  assert.equal(formatDuration(850), '850ms')
})

test('less than a minute is shown in seconds', () => {
  assert.equal(formatDuration(1000), '1s')
  assert.equal(formatDuration(12_300), '12s')
})

test('less than an hour is shown in minutes and seconds', () => {
  assert.equal(formatDuration(60_000), '1m 00s')
  assert.equal(formatDuration(245_000), '4m 05s')
})

test('seconds that round up to a minute are shown as a minute', () => {
  assert.equal(formatDuration(59_700), '1m 00s')
  assert.equal(formatDuration(119_700), '2m 00s')
})

test('hours are shown with minutes', () => {
  assert.equal(formatDuration(7_200_000), '2h 00m')
  assert.equal(formatDuration(5_430_000), '1h 30m')
})
