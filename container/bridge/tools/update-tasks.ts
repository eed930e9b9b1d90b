/** update_tasks: the model's plan, whole each time. */
import { z } from 'zod'
import { defineTool, failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'

const MARKS = { pending: '[ ]', in_progress: '[>]', completed: '[x]' } as const

const input = z.strictObject({
  tasks: z
    .array(
      z.strictObject({
        title: z.string().trim().min(1).max(LIMITS.tasks.titleChars).describe('What is to be done, in a few words.'),
        status: z.enum(['pending', 'in_progress', 'completed']),
      }),
    )
    .max(LIMITS.tasks.count)
    .describe('All tasks in their order, the done ones too: this list replaces the one before.'),
})

export const updateTasks = defineTool<z.infer<typeof input>>({
  name: 'update_tasks',
  description:
    'Replaces the task list, which people see live. For work of several steps: write it at the beginning, and update it when ' +
    'a task is begun or done. At most one task is in progress.',
  input,
  async execute({ tasks }, context) {
    const running = tasks.filter((task) => task.status === 'in_progress')
    if (running.length > 1) {
      const titles = running.map((task) => `"${task.title}"`).join(', ')
      return failure(`Only one task can be in_progress, not ${running.length} (${titles}). The list was not changed.`)
    }
    context.emit({ type: 'task_update', data: { tasks } })
    const done = tasks.filter((task) => task.status === 'completed').length
    const lines = tasks.map((task) => `${MARKS[task.status]} ${task.title}`)
    return success([`${done} of ${tasks.length} tasks done.`, ...lines].join('\n'), { done, total: tasks.length })
  },
})
