import { expect, it } from 'vitest'
import { describeDecision } from '../../../../app/model/decision.ts'
import { type Divergence, type DivergenceKind, divergenceChoices } from '../../../../lib/domain/agent.ts'

const branches = { sourceBranch: 'main', targetBranch: 'berth/fix' }
const make = (kind: DivergenceKind, recorded: string | null, found: string | null): Divergence => ({
  kind,
  message: 'm',
  recorded,
  found,
  choices: divergenceChoices[kind],
  choice: null,
})

it('has a label and a consequence for every choice of every kind', () => {
  for (const kind of Object.keys(divergenceChoices) as DivergenceKind[]) {
    const { title, what, choices } = describeDecision(make(kind, null, null), branches)
    expect([title, what].every((words) => words.length > 10)).toBe(true)
    expect(choices.map(({ choice }) => choice)).toEqual([...divergenceChoices[kind]])
    for (const { choice, label, effect } of choices) {
      expect(label).not.toBe(choice)
      expect(effect).not.toBe('')
    }
  }
})

it('says of a branch that moved that the workspace was changed as well', () => {
  const moved = make('branch_moved', 'a'.repeat(40), 'b'.repeat(40))
  expect(describeDecision(moved, branches).what).not.toContain('workspace was changed')
  expect(describeDecision({ ...moved, workspaceChange: 'm' }, branches).what).toContain('workspace was changed too')
})

it('shortens commits, and says so where there is none or where only files differ', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)]
  const commits = (...known: Parameters<typeof make>) =>
    describeDecision(make(...known), branches).commits.map(({ commit }) => commit)
  expect(commits('branch_moved', a, b)).toEqual(['a'.repeat(10), 'b'.repeat(10)])
  expect(commits('workspace_lost', a, null)).toEqual(['a'.repeat(10), 'no clone'])
  expect(commits('workspace_changed', a, a)).toEqual(['a'.repeat(10), `${'a'.repeat(10)}, with other files`])
  expect(commits('workspace_broken', a, null)).toEqual(['a'.repeat(10), 'no clone'])
  expect(commits('workspace_changed', a, null)).toEqual(['a'.repeat(10), 'no commit'])
  expect(commits('workspace_lost', null, null)).toEqual([])
})
