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

/** One call for each file: edits of the same file are made together. */
export function applyCaseEdits(edits: CaseEdit[]): ScriptedToolCall[] {
  const paths = [...new Set(edits.map((edit) => edit.path))]
  return paths.flatMap((path) => {
    const ofFile = edits.filter((edit) => edit.path === path)
    const written = ofFile.filter((edit) => edit.kind === 'write')
    const edited = ofFile.filter((edit) => edit.kind === 'edit')
    const calls: ScriptedToolCall[] = written.map(({ content }) => ({ name: 'write_file', input: { path, content } }))
    const replacements = edited.map((edit) => ({ old_string: edit.old, new_string: edit.new }))
    const [only, ...more] = replacements
    if (only === undefined) return calls
    const input = more.length === 0 ? { path, ...only } : { path, edits: replacements }
    return [...calls, { name: 'edit_file', input }]
  })
}

export const updateTasks = (tasks: { title: string; status: string }[]): ScriptedToolCall => ({
  name: 'update_tasks',
  input: { tasks },
})

/** The exit status that a result of run_command begins with, or null: it timed out, or a signal ended it. */
export function exitCodeIn(result: string): number | null {
  const code = /^Exit code (\d+) /.exec(result)?.[1]
  return code === undefined ? null : Number(code)
}
