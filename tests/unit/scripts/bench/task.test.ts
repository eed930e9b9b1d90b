import { expect, it } from 'vitest'
import { readFile } from '../../../../container/bridge/tools/read-file.ts'
import { runCommand } from '../../../../container/bridge/tools/run-command.ts'
import { updateTasks } from '../../../../container/bridge/tools/update-tasks.ts'
import { answerTask, writeTask } from '../../../../scripts/bench/task.ts'

const inputs = {
  [readFile.name]: readFile.input,
  [runCommand.name]: runCommand.input,
  [updateTasks.name]: updateTasks.input,
}

it('each task is another, so that its calls can be told from all others', () => {
  expect(writeTask({ kind: 'answer' })).not.toBe(writeTask({ kind: 'answer' }))
})

it('steps are played as many as asked for, in the words of the tools', () => {
  for (const kind of ['read', 'command'] as const) {
    const conversation = writeTask({ kind, steps: 3 })
    for (const turn of [0, 1, 2]) {
      const [call] = answerTask({ conversation, turn })?.toolCalls ?? []
      expect(() => inputs[call?.name ?? '']?.parse(call?.input)).not.toThrow()
    }
    expect(answerTask({ conversation, turn: 3 })).toEqual({ text: 'Done.' })
  }
})

it('no call comes back so soon that the loop guard would end the run', () => {
  const conversation = writeTask({ kind: 'read', steps: 12 })
  const calls = Array.from({ length: 12 }, (_, turn) => JSON.stringify(answerTask({ conversation, turn })?.toolCalls))
  for (const call of calls) expect(calls.filter((other) => other === call).length).toBeLessThan(4)
})

it('a command that waits says that it runs', () => {
  for (const children of ['heeding', 'stubborn', 'strayed'] as const) {
    const [call] = answerTask({ conversation: writeTask({ kind: 'wait', children }), turn: 0 })?.toolCalls ?? []
    expect(() => runCommand.input.parse(call?.input)).not.toThrow()
    expect(JSON.stringify(call?.input)).toContain('the-command-waits')
  }
})

it('steps that wait for a second run begin there with the first', () => {
  const first = answerTask({ conversation: writeTask({ kind: 'read', steps: 2 }), turn: 0 })
  const conversation = writeTask({ kind: 'read', steps: 2, waits: true })
  expect(answerTask({ conversation, turn: 0 })).toEqual({ text: 'Done.' })
  expect(answerTask({ conversation, turn: 1 })).toEqual(first)
  expect(answerTask({ conversation, turn: 3 })).toEqual({ text: 'Done.' })
})

it('a flood is one answer of calls that differ and leave no task over', () => {
  const conversation = writeTask({ kind: 'flood', calls: 3 })
  const calls = answerTask({ conversation, turn: 0 })?.toolCalls ?? []
  expect(new Set(calls.map(({ input }) => JSON.stringify(input))).size).toBe(3)
  for (const { name, input } of calls) expect(() => inputs[name]?.parse(input)).not.toThrow()
  expect(JSON.stringify(calls)).not.toMatch(/pending|in_progress/)
  expect(answerTask({ conversation, turn: 1 })).toEqual({ text: 'Done.' })
})

it('a task of somebody else is not answered', () => {
  expect(answerTask({ conversation: 'Fix the bug', turn: 0 })).toBeNull()
})
