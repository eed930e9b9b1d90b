import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { updateTasks } from '../../../../../container/bridge/tools/update-tasks.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

describe('update_tasks', () => {
  it('replaces the list, shows it, and emits it', async () => {
    const tasks = [
      { title: 'Read', status: 'completed' },
      { title: 'Repair', status: 'in_progress' },
      { title: 'Test', status: 'pending' },
    ]
    expect((await rig.call(updateTasks, { tasks })).output).toBe('1 of 3 tasks done.\n[x] Read\n[>] Repair\n[ ] Test')
    expect(rig.events).toEqual([{ type: 'task_update', data: { tasks } }])
  })

  it('refuses two tasks in progress and emits nothing', async () => {
    const tasks = [
      { title: 'One', status: 'in_progress' },
      { title: 'Two', status: 'in_progress' },
    ]
    expect(await rig.call(updateTasks, { tasks })).toMatchObject({
      outcome: 'error',
      output: 'Only one task can be in_progress, not 2 ("One", "Two"). The list was not changed.',
    })
    expect(rig.events).toEqual([])
  })
})
