/** What the scripted model puts into each tool call: the tools' input fields, in one place. */
import type { ScriptedToolCall } from '../stand-ins/model/script.ts'
import type { CaseEdit } from './case.ts'

export const listDirectory = (path: string): ScriptedToolCall => ({ name: 'list_directory', input: { path } })

export const readFile = (path: string): ScriptedToolCall => ({ name: 'read_file', input: { path } })

export const searchFiles = (pattern: string): ScriptedToolCall => ({ name: 'search_files', input: { pattern } })

/** A shell line; `timeoutSeconds` where the default would be too short. */
export const runCommand = (command: string, timeoutSeconds?: number): ScriptedToolCall => ({
  name: 'run_command',
  input: { command, ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds }) },
})

export const applyCaseEdit = (edit: CaseEdit): ScriptedToolCall =>
  edit.kind === 'edit'
    ? { name: 'edit_file', input: { path: edit.path, old_string: edit.old, new_string: edit.new } }
    : { name: 'write_file', input: { path: edit.path, content: edit.content } }

export const updateTasks = (tasks: { title: string; status: string }[]): ScriptedToolCall => ({
  name: 'update_tasks',
  input: { tasks },
})

/** The exit status that a result of run_command tells the model, or null when it tells none. */
export function exitCodeIn(result: string): number | null {
  const code = /exit(?:ed)?(?:\s+with)?(?:\s+(?:code|status))?\s*[:=]?\s*(-?\d+)/i.exec(result)?.[1]
  return code === undefined ? null : Number(code)
}
