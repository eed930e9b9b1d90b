import { describe, expect, it } from 'vitest'
import {
  describeNow,
  describeTook,
  describeTool,
  isOpenByDefault,
  readOutput,
} from '../../../../app/model/tool-line.ts'
import type { ToolEntry, ToolResult } from '../../../../app/model/transcript-types.ts'

const ok: ToolResult = { outcome: 'ok', output: '', durationMs: 3100, detail: {} }
function entry(tool: string, input: unknown, result: ToolResult | null): ToolEntry {
  const liveOutput = { start: 0, text: '' }
  return { kind: 'tool', key: 'k', at: '', toolCallId: 'c', tool, input, result, liveOutput, changes: [], tasks: null }
}

describe('the words of a call', () => {
  it('say what runs and what ran', () => {
    const input = { command: 'npm test\n  --silent' }
    expect(describeTool(entry('run_command', input, null))).toMatchObject({
      verb: 'Running',
      object: 'npm test --silent',
    })
    expect(describeTool(entry('run_command', { command: ['git', 'log'] }, ok))).toMatchObject({
      verb: 'Ran',
      object: 'git log',
    })
  })

  it('name a tool that the page does not know', () => {
    expect(describeTool(entry('toString', 'odd input', ok))).toMatchObject({ verb: 'Called', object: 'toString' })
  })

  it('say in a list what is done now', () => {
    expect(describeNow('edit_file', { path: 'src/a.ts' })).toEqual({ text: 'Editing src/a.ts', mono: true })
    expect(describeNow('run_command', { command: 'make' })).toEqual({ text: 'make', mono: true })
    expect(describeNow('update_tasks', { tasks: [] })).toEqual({ text: 'Updating the plan', mono: false })
  })

  it('give hits and time at the right', () => {
    expect(describeTook({ result: { ...ok, detail: { matches: 14, files: 4 } } })).toBe('14 in 4 files · 3.1 s')
  })
})

it('leaves out of a command’s output what stands at its right, and nothing else', () => {
  const output = 'Exit code 1 after 3.1 s.\n\nExit code 1 after 2 s.\n\nboom'
  const ran = entry('run_command', {}, { ...ok, output })
  expect(readOutput(ran)).toBe('Exit code 1 after 2 s.\n\nboom')
  expect(readOutput({ ...ran, tool: 'read_file' })).toBe(output)
  expect(readOutput({ ...ran, result: null, liveOutput: { start: 0, text: 'so far' } })).toBe('so far')
})

describe('what is open', () => {
  it('folds reads and successes; opens failures, what runs, and edits', () => {
    const open = (tool: string, result: ToolResult | null) => isOpenByDefault(entry(tool, {}, result))
    expect(open('read_file', ok)).toBe(false)
    expect(open('run_command', { ...ok, detail: { exitCode: 0 } })).toBe(false)
    expect(open('run_command', { ...ok, detail: { exitCode: 1 } })).toBe(true)
    expect(open('run_command', null)).toBe(true)
    expect(open('read_file', { ...ok, outcome: 'error' })).toBe(true)
    const change = {
      seq: 1,
      at: '',
      path: 'a',
      change: 'added',
      additions: 1,
      deletions: 0,
      diff: '',
      truncated: false,
    } as const
    expect(isOpenByDefault({ ...entry('edit_file', {}, ok), changes: [change] })).toBe(true)
  })
})
