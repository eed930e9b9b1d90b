import { expect, it } from 'vitest'
import * as format from '../../../../app/model/format.ts'

it('writes durations in the unit that is read', () => {
  expect([180, 8_400, 9_960, 48_000, 252_000, 3_900_000].map(format.formatDuration)).toEqual([
    '0.2 s',
    '8.4 s',
    '10 s',
    '48 s',
    '4m 12s',
    '1h 05m',
  ])
})

it('writes money, tokens and sizes', () => {
  expect([0, 0.001, 1.836, 5].map(format.formatCost)).toEqual(['$0.00', '<$0.01', '$1.84', '$5.00'])
  expect([842, 168_300, 2_000_000, 1_250_000].map(format.formatTokens)).toEqual(['842', '168k', '2M', '1.3M'])
  expect([512, 432_013_312, 2_147_483_648].map(format.formatBytes)).toEqual(['512 B', '412 MiB', '2 GiB'])
})

it('writes ages for lists and never a negative one', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  const ages = ['2026-01-02T00:00:09Z', '2026-01-01T23:59:38Z', '2026-01-01T23:56:00Z', '2026-01-01T01:00:00Z']
  expect(ages.map((at) => format.formatAge(at, now))).toEqual(['now', '22s', '4m', '23h'])
})

it('uses a real minus for deletions', () => {
  expect(format.formatDeletions(4)).toBe('\u22124')
})

it('keeps a share between 0 and 100, also of nothing', () => {
  expect([format.toPercent(1.84, 5), format.toPercent(9, 5), format.toPercent(0, 0)]).toEqual([37, 100, 100])
})
