import { expect, it } from 'vitest'
import { renderMachine, renderTable } from '../../../../scripts/bench/table.ts'

it('the table is Markdown, one row for each measurement, with its goal beside it', () => {
  const table = renderTable([
    {
      name: 'a',
      what: 'a start',
      unit: 'ms',
      samples: [150, 300, 600],
      goal: { statistic: 'p50', bound: 'under', value: 200 },
    },
    { name: 'c', what: 'a share', unit: '%', samples: [60], goal: { statistic: 'p50', bound: 'over', value: 50 } },
    { name: 'b', what: 'of it: a part', unit: 'ms', samples: [1.25], goal: null },
  ])
  expect(table.split('\n')).toEqual([
    '| what          |             goal |    p50 |    p95 |    p99 |   n | times the goal |',
    '|---------------|-----------------:|-------:|-------:|-------:|----:|---------------:|',
    '| a start       | p50 under 200 ms | 300 ms | 600 ms | 600 ms |   3 |           1.50 |',
    '| a share       |    p50 over 50 % | 60.0 % | 60.0 % | 60.0 % |   1 |           0.83 |',
    '| of it: a part |                  | 1.3 ms | 1.3 ms | 1.3 ms |   1 |                |',
  ])
})

it('the machine is named with everything that decides the figures', () => {
  const lines = renderMachine({
    cpu: 'Some CPU',
    cores: 2,
    memoryBytes: 4 * 1024 ** 3,
    kernel: '6.1.0',
    engine: 'Docker 28.0',
    node: '24.1.0',
    date: '2026-01-05T10:00:00.000Z',
    load: 0.123,
  })
  expect(lines).toBe(
    'Some CPU, 2 cores, 4 GiB; Linux 6.1.0; Docker 28.0; Node 24.1.0\n2026-01-05T10:00:00.000Z; load average at the beginning 0.12',
  )
})
