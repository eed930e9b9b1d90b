import { expect, it } from 'vitest'
import { createProgressFeed, type Progress, parseProgress } from '../../../../../container/bridge/git/progress.ts'

function feedWith(times: number[]) {
  const heard: Progress[] = []
  const clock = { now: () => new Date(0), monotonicMs: () => times.shift() ?? 10_000, sleep: async () => undefined }
  return { heard, feed: createProgressFeed({ clock, onProgress: (progress) => heard.push(progress) }) }
}

it.each([
  ['Receiving objects:  45% (123/456), 1.20 MiB | 3.00 MiB/s', 'Receiving objects', 45],
  ['remote: Counting objects: 100% (4/4), done.', 'Counting objects', 100],
  ['Updating files:   7% (1/14)', 'Updating files', 7],
  ['remote: Enumerating objects: 4, done.', 'Enumerating objects', null],
])('reads "%s"', (line, phase, percent) => {
  expect(parseProgress(line)).toMatchObject({ phase, percent })
})

it.each(['', 'From http://git.berth/octo/sample', ' * [new branch] main -> origin/main', 'fatal: error: 5% (no'])(
  'takes "%s" for no progress',
  (line) => {
    expect(parseProgress(line)).toBeNull()
  },
)

it('tells a phase and its end at once, what lies between at most every 250 ms', () => {
  const { heard, feed } = feedWith([0, 100, 200, 300, 310, 320])
  for (const percent of [1, 2, 3, 4, 100]) feed(`Receiving objects: ${percent}% (${percent}/100)\r`)
  feed('Resolving deltas: 0% (0/9)\r')
  expect(heard.map(({ phase, percent }) => `${phase} ${percent}`)).toEqual([
    'Receiving objects 1',
    'Receiving objects 4',
    'Receiving objects 100',
    'Resolving deltas 0',
  ])
})

it('puts a line together that came in pieces', () => {
  const { heard, feed } = feedWith([0])
  feed('Receiving obj')
  feed('ects:  45% (123/456)')
  expect(heard).toEqual([])
  feed('\r')
  expect(heard).toMatchObject([{ phase: 'Receiving objects', percent: 45 }])
})
