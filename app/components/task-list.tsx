/** The plan: what is done, what it is at, what is left. */
import type { Task } from '../../container/contract/events.ts'

const LOOKS: Record<Task['status'], { className: string; word: string }> = {
  completed: { className: 'done', word: 'Done: ' },
  in_progress: { className: 'doing', word: 'Now: ' },
  pending: { className: '', word: 'Open: ' },
}

export function TaskList({ tasks }: { tasks: Task[] }) {
  return (
    <ul className="todo">
      {tasks.map((task, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two tasks may have the same words
        <li key={index} className={LOOKS[task.status].className}>
          <span className="box" />
          <span>
            <span className="sr">{LOOKS[task.status].word}</span>
            {task.title}
          </span>
        </li>
      ))}
    </ul>
  )
}
