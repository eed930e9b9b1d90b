import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tools } from '../../../../container/bridge/tools/index.ts'
import { applyEdit, type PlayedCase } from '../../../../scripts/demo/case.ts'
import { scriptCase } from '../../../../scripts/demo/case-script.ts'
import { SAMPLE_FOLDER, sampleCase } from '../../../../scripts/demo/sample-case.ts'
import type { ModelRequest, Reply } from '../../../../scripts/stand-ins/model/script.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-test-'))
  await cp(SAMPLE_FOLDER, folder, { recursive: true })
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const realCase: PlayedCase = {
  ...sampleCase,
  setup: 'install',
  edits: [...sampleCase.edits, { kind: 'edit', path: 'test/a.test.js', old: 'a', new: 'b' }],
}

/** What the script says when every command ends as `exitCode` has it. */
async function play(played: PlayedCase, exitCode: (command: string, time: number) => number): Promise<Reply[]> {
  const replies: Reply[] = []
  const times = new Map<string, number>()
  let toolResults: ModelRequest['toolResults'] = []
  for (const step of scriptCase(played)) {
    const request = { body: { model: 'm', messages: [] }, conversation: '', turn: replies.length, toolResults }
    const reply = typeof step === 'function' ? await step(request) : step
    replies.push(reply)
    toolResults = (reply.toolCalls ?? []).map((call) => {
      const { command = '' } = call.input as { command?: string }
      const time = (times.get(command) ?? 0) + 1
      times.set(command, time)
      return {
        toolCallId: 'c',
        text: call.name === 'run_command' ? `Exit code ${exitCode(command, time)} after 0.1 s.\n\noutput` : 'ok',
      }
    })
  }
  return replies
}

test('what the script asks of tools is what the tools take', async () => {
  const first = realCase.edits[0]
  const severalEdits: PlayedCase = {
    ...realCase,
    edits: [...realCase.edits, ...(first ? [first] : []), { kind: 'write', path: 'new.md', content: 'new' }],
  }
  const calls = (await play(severalEdits, firstFails)).flatMap(({ toolCalls = [] }) => toolCalls)
  const problems = calls.flatMap(({ name, input }) => {
    const tool = tools.find((candidate) => candidate.name === name)
    const problem = tool === undefined ? 'no such tool' : tool.input.safeParse(input).error?.message
    return problem === undefined ? [] : [`${name}: ${problem}`]
  })
  expect(problems).toEqual([])
  expect(calls.map(({ name }) => name).filter((name) => /_file$/.test(name))).toEqual([
    'read_file',
    'read_file',
    'edit_file',
    'edit_file',
    'write_file',
  ])
})

const toolsOf = (replies: Reply[]) => replies.map(({ toolCalls = [] }) => toolCalls.map(({ name }) => name).join('+'))
const firstFails = (command: string, time: number) => (command === realCase.test && time === 1 ? 1 : 0)

test('the sample is listed, searched, read, seen failing, edited, seen passing', async () => {
  expect(toolsOf(await play(sampleCase, firstFails))).toEqual([
    'list_directory',
    'search_files',
    'read_file',
    'run_command',
    'update_tasks',
    'edit_file',
    'run_command',
    'update_tasks',
    '',
  ])
})

test('a case with a setup and a test of its own runs the setup and adds the test before anything is fixed', async () => {
  const replies = await play(realCase, firstFails)
  expect(toolsOf(replies)).toEqual([
    'list_directory',
    'search_files',
    'read_file+read_file',
    'run_command',
    'edit_file',
    'run_command',
    'update_tasks',
    'edit_file',
    'run_command',
    'update_tasks',
    '',
  ])
  const paths = replies.flatMap(({ toolCalls = [] }) =>
    toolCalls.filter(({ name }) => name === 'edit_file').map(({ input }) => (input as { path: string }).path),
  )
  expect(paths).toEqual(['test/a.test.js', 'src/format-duration.js'])
})

test('the script refuses to go on when a command did not end as it should', async () => {
  await expect(play(realCase, () => 1)).rejects.toThrow('`install` should end with status 0; it said status 1')
  await expect(play(realCase, () => 0)).rejects.toThrow(
    '`node --test` should end with a status other than 0; it said status 0: Exit code 0 after 0.1 s.\n\noutput',
  )
  await expect(play(sampleCase, () => 1)).rejects.toThrow('`node --test` should end with status 0; it said status 1')
})

test('the sample’s bug is real: its tests fail before the edits and pass after them', async () => {
  const runTests = () =>
    new Promise<number | null>((resolve) => {
      // Without the mark of the outer run, under which node --test reports to a parent instead.
      const child = execFile('node', ['--test'], { cwd: folder, env: { PATH: process.env.PATH, NODE_ENV: 'test' } })
      child.on('close', resolve)
    })
  expect(await runTests()).toBe(1)
  for (const edit of sampleCase.edits) {
    const file = path.join(folder, edit.path)
    await writeFile(file, applyEdit(await readFile(file, 'utf8'), edit))
  }
  expect(await runTests()).toBe(0)
})
