/** Names made from a task when a person gave none. */
import { cutText } from './cut-text.ts'

/** The task's first line, cut at a word, at most 80 characters. */
export function nameFromTask(task: string): string {
  const line = task.trim().split('\n', 1)[0]?.trim().replace(/\s+/g, ' ') ?? ''
  if (line.length <= 80) return line || 'Untitled'
  const cut = cutText(line, 79)
  const space = cut.lastIndexOf(' ')
  return `${(space > 40 ? cut.slice(0, space) : cut).replace(/[\s.,:;]+$/, '')}…`
}

/** `berth/<slug>-<short id>`: a valid branch name for any task. */
export function targetBranchFor(name: string, shortId: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return `berth/${slug || 'task'}-${shortId}`
}
