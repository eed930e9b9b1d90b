/**
 * The replies of a model that solves a case: it lists, searches and reads, installs, sees the test fail, edits, sees it pass.
 * Before each step that depends on it the script looks at what the last command really said, and refuses to go on when that
 * is not so: a demo must not claim a red test that was never red.
 */
import { type ModelRequest, type Reply, ScriptRefusal, type ScriptStep } from '../stand-ins/model/script.ts'
import { type CaseEdit, isTestFile, type PlayedCase } from './case.ts'
import {
  applyCaseEdits,
  exitCodeIn,
  listDirectory,
  readFile,
  runCommand,
  searchFiles,
  updateTasks,
} from './tool-inputs.ts'

const COMMAND_SECONDS = 600

/** The script for one agent that is given the case's task. At most ten steps. */
export function scriptCase(played: PlayedCase): ScriptStep[] {
  const testEdits = played.edits.filter((edit) => isTestFile(edit.path))
  const sourceEdits = played.edits.filter((edit) => !isTestFile(edit.path))
  const known = [...new Set(played.edits.filter((edit) => edit.kind === 'edit').map((edit) => edit.path))]
  const tasks = ['See the test fail', `Change ${listNames(sourceEdits)}`, 'See the test pass']
  const steps: ScriptStep[] = [
    { text: 'I start with what is in the repository.', toolCalls: [listDirectory('.')] },
    { text: 'Now the place that the task is about.', toolCalls: [searchFiles(chooseSearchPattern(played))] },
    {
      text: `I read ${known.length === 1 ? 'the file' : 'the files'} before I touch anything.`,
      toolCalls: known.map(readFile),
    },
  ]
  if (played.setup !== undefined) {
    steps.push({ text: 'The tests need their dependencies.', toolCalls: [runCommand(played.setup, COMMAND_SECONDS)] })
  }
  const afterSetup =
    (reply: Reply): ScriptStep =>
    (request) => {
      if (played.setup !== undefined) assertExit(request, { command: played.setup, failed: false })
      return reply
    }
  const runTest = [runCommand(played.test, COMMAND_SECONDS)]
  if (testEdits.length > 0) {
    const text = 'First a test that shows the problem.'
    steps.push(afterSetup({ text, toolCalls: applyCaseEdits(testEdits) }), {
      text: 'It should fail as long as nothing is fixed.',
      toolCalls: runTest,
    })
  } else {
    steps.push(afterSetup({ text: 'I want to see the failure with my own eyes.', toolCalls: runTest }))
  }
  steps.push(
    (request) => {
      assertExit(request, { command: played.test, failed: true })
      return { text: 'It fails, as the task says. My plan:', toolCalls: [updateTasks(planOf(tasks, 1))] }
    },
    { reasoning: explain(sourceEdits), text: 'The change itself:', toolCalls: applyCaseEdits(sourceEdits) },
    { text: 'The same test again.', toolCalls: runTest },
    (request) => {
      assertExit(request, { command: played.test, failed: false })
      return { text: 'It passes now.', toolCalls: [updateTasks(planOf(tasks, tasks.length))] }
    },
    { text: `Done: ${listNames(sourceEdits)} changed, and \`${played.test}\` went from failing to passing.` },
  )
  return steps
}

/** Throws ScriptRefusal unless the last tool result is of a command that ended as it should. */
function assertExit(request: ModelRequest, expected: { command: string; failed: boolean }): void {
  const result = request.toolResults.at(-1)?.text ?? ''
  const code = exitCodeIn(result)
  const wanted = expected.failed ? 'a status other than 0' : 'status 0'
  if (code === null || (code !== 0) !== expected.failed) {
    const got = code === null ? 'no exit status' : `status ${code}`
    throw new ScriptRefusal(`\`${expected.command}\` should end with ${wanted}; it said ${got}: ${result.slice(-1500)}`)
  }
}

/** `done` tasks are completed, the next is in progress, the rest is pending. */
function planOf(titles: string[], done: number) {
  return titles.map((title, index) => ({
    title,
    status: index < done ? 'completed' : index === done ? 'in_progress' : 'pending',
  }))
}

/** The longest name in the code to be changed: what a person would look for. */
function chooseSearchPattern(played: PlayedCase): string {
  const source = played.edits.find((edit) => edit.kind === 'edit' && !isTestFile(edit.path)) ?? played.edits[0]
  const code = source === undefined ? '' : source.kind === 'edit' ? source.old : source.content
  const names = code.match(/[A-Za-z_][A-Za-z0-9_]{3,}/g) ?? ['TODO']
  return names.reduce((longest, name) => (name.length > longest.length ? name : longest))
}

function explain(sourceEdits: CaseEdit[]): string {
  const places = sourceEdits.length === 1 ? 'One place' : `${sourceEdits.length} places`
  return `The test fails before the change, so the cause is in the code it calls, not in the test. ${places} to change.`
}

function listNames(edits: { path: string }[]): string {
  return [...new Set(edits.map((edit) => edit.path))].join(', ')
}
