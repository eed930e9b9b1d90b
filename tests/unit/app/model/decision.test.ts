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

it('shortens commits, and says so where there is none or where only files differ', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)]
  expect(describeDecision(make('branch_moved', a, b), branches)).toMatchObject({
    recorded: 'a'.repeat(10),
    found: 'b'.repeat(10),
  })
  expect(describeDecision(make('workspace_lost', a, null), branches).found).toBe('no clone')
  expect(describeDecision(make('workspace_changed', a, a), branches).found).toBe(`${'a'.repeat(10)}, with other files`)
})
