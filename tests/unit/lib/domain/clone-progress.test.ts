import { expect, it } from 'vitest'
import { clonePercent } from '../../../../lib/domain/clone-progress.ts'

it('grows from 0 to 100 over the phases of git, each of which begins at 0 again', () => {
  const phases = ['Counting objects', 'Compressing objects', 'Receiving objects', 'Resolving deltas', 'Updating files']
  const figures = phases.flatMap((phase) => [0, 50, 100].map((percent) => clonePercent({ phase, percent })))
  expect(figures).toEqual([0, 2, 5, 5, 7, 10, 10, 40, 70, 70, 77, 85, 85, 92, 100])
})

it.each([
  ['a phase without a figure', { phase: 'Receiving objects', percent: null }],
  ['a phase that git did not have', { phase: 'Polishing objects', percent: 50 }],
])('says nothing of %s', (_what, progress) => {
  expect(clonePercent(progress)).toBeNull()
})

it('stays within its bounds whatever a sandbox says', () => {
  expect(clonePercent({ phase: 'Updating files', percent: 1e9 })).toBe(100)
  expect(clonePercent({ phase: 'Counting objects', percent: -5 })).toBe(0)
})
