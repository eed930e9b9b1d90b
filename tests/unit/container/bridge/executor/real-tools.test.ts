import fs from 'node:fs'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { CANCEL_GRACE_MS } from '../../../../../container/bridge/executor/defaults.ts'
import { tools } from '../../../../../container/bridge/tools/index.ts'
import { COMMAND_GRACE_MS } from '../../../../../container/contract/runner.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { closeRigs, createRig } from '../../../../support/executor-rig.ts'
import { makeTestWorkspace, type TestWorkspace } from '../../../../support/local-workspace.ts'

let files: TestWorkspace | undefined

afterEach(() => {
  closeRigs()
  files?.remove()
})

it('works a task with the real tools on real files: read, edit, test, plan', async () => {
  files = await makeTestWorkspace()
  files.write('AGENTS.md', 'Use tabs.')
  files.write('sum.js', 'module.exports = (a, b) => a - b\n')
  files.write('test.js', "process.exit(require('./sum.js')(2, 3) === 5 ? 0 : 1)\n")
  const turn = (id: string, name: string, args: object) => ({ calls: [{ id, name, args }] })
  const plan = (status: string) => ({ tasks: [{ title: 'Fix the sum', status }] })
  const rig = await createRig(
    [
      turn('c1', 'update_tasks', plan('in_progress')),
      {
        calls: [
          turn('c2', 'read_file', { path: 'sum.js' }).calls,
          turn('c3', 'list_directory', { path: '.' }).calls,
        ].flat(),
      },
      turn('c4', 'run_command', { command: 'echo checking; node test.js' }),
      turn('c5', 'edit_file', { path: 'sum.js', edits: [{ old_string: 'a - b', new_string: 'a + b' }] }),
      turn('c6', 'run_command', { command: ['node', 'test.js'] }),
      turn('c7', 'update_tasks', plan('completed')),
      { text: 'The sum adds now.' },
    ],
    { tools, workspace: files.workspace, clock: systemClock },
  )
  const done = await rig.run()
  const results = rig
    .events()
    .flatMap(({ type, data }) => (type === 'tool_result' ? [`${data.toolCallId} ${data.outcome}`] : []))
  expect(results.sort()).toEqual(['c1 ok', 'c2 ok', 'c3 ok', 'c4 error', 'c5 ok', 'c6 ok', 'c7 ok'])
  expect(fs.readFileSync(path.join(files.root, 'sum.js'), 'utf8')).toBe('module.exports = (a, b) => a + b\n')
  expect(rig.types().filter((type) => ['file_change', 'task_update'].includes(type))).toHaveLength(3)
  expect(done.data).toMatchObject({ reason: 'completed', summary: 'The sum adds now.', steps: 7 })
  expect(JSON.stringify(rig.model.requests[0]?.body.messages[0])).toContain('Use tabs.')
  for (const tool of rig.model.requests[0]?.body.tools ?? []) {
    expect(tool.function.parameters, tool.function.name).toMatchObject({ type: 'object' })
    expect(tool.function.parameters.required, tool.function.name).not.toHaveLength(0)
  }
})

it('ends a cancelled command that ignores TERM before the run is over, and keeps what it printed', async () => {
  files = await makeTestWorkspace()
  const ready = Promise.withResolvers<void>()
  const { workspace } = files
  const watched: typeof workspace = {
    ...workspace,
    run: (request, options) =>
      workspace.run(request, {
        ...options,
        onOutput(chunk) {
          options?.onOutput?.(chunk)
          if (chunk.includes('ready')) ready.resolve()
        },
      }),
  }
  const command = "trap '' TERM; echo $$ > pid; echo ready; while true; do sleep 600; done"
  const rig = await createRig([{ calls: [{ id: 'c1', name: 'run_command', args: { command } }] }], {
    tools,
    workspace: watched,
    // The order is what counts, however busy the machine is: the executor waits ten times as long as it would.
    clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(10 * ms, signal) },
  })
  expect(CANCEL_GRACE_MS).toBeGreaterThanOrEqual(2 * COMMAND_GRACE_MS.cancel)
  const ended = rig.run()
  await ready.promise
  expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
  expect(fs.existsSync(`/proc/${fs.readFileSync(path.join(files.root, 'pid'), 'utf8').trim()}`)).toBe(false)
  expect((await ended).data.reason).toBe('cancelled')
  const [result] = rig.events().filter(({ type }) => type === 'tool_result')
  expect(result?.data).toMatchObject({ outcome: 'interrupted', output: expect.stringContaining('ready') })
})
