/** edit_file: parts of a file replaced, all of them or none. */
import { z } from 'zod'
import { WorkspaceError } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { applyEdit, type Edit } from './match-edit.ts'
import { withPathLock } from './path-lock.ts'
import { reportChange } from './report-change.ts'
import { decodeText, describeBinary, encodeText, explainMissing, readNamed } from './text-file.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const oldString = z.string().describe('Text to replace, exactly as in the file and long enough to be there only once.')
const newString = z.string().describe('Text to put in its place.')
const replaceAll = z.boolean().optional().describe('Replace every place where old_string is. Default: false.')

const input = z.strictObject({
  path: z.string().min(1).describe('File to change, relative to the workspace or absolute.'),
  old_string: oldString.optional(),
  new_string: newString.optional(),
  replace_all: replaceAll,
  edits: z
    .array(z.strictObject({ old_string: oldString, new_string: newString, replace_all: replaceAll }))
    .min(1)
    .optional()
    .describe(
      'Several edits of this file, made one after the other; all are made, or none. Instead of old_string and new_string.',
    ),
})

type Input = z.infer<typeof input>

export const editFile = defineTool<Input>({
  name: 'edit_file',
  description:
    'Replaces text in a file. Give old_string and new_string, or several of them as edits. old_string must be in the file ' +
    'exactly once, without line numbers, unless replace_all is set. The result says what was changed, and how it was found.',
  input,
  async execute(given, context) {
    const edits = listEdits(given)
    if (edits === null) return failure('Give either old_string and new_string, or edits: one of the two, and whole.')
    const stat = await context.workspace.stat(given.path)
    if (stat === null) throw await explainMissing(context.workspace, given.path)
    return withPathLock(context.workspace, stat.path, () => editNamed(stat.path, edits, context))
  },
})

function listEdits({ old_string, new_string, replace_all, edits }: Input): Edit[] | null {
  if (edits !== undefined) return old_string === undefined && new_string === undefined ? edits : null
  return old_string === undefined || new_string === undefined ? null : [{ old_string, new_string, replace_all }]
}

async function editNamed(path: string, edits: Edit[], context: ToolContext): Promise<ToolOutput> {
  const file = await readNamed(context.workspace, path)
  const before = decodeText(file)
  if (before === null) return failure(`${describeBinary(file)}; only text can be edited.`)
  let text = before.text
  let replaced = 0
  const notes: string[] = []
  for (const [index, edit] of edits.entries()) {
    const which = edits.length > 1 ? `Edit ${index + 1} of ${edits.length}: ` : ''
    const outcome = applyEdit(text, edit)
    if (!outcome.ok) return failure(`${which}${outcome.problem}\nNothing was changed in ${path}.`)
    text = outcome.text
    replaced += outcome.replaced
    if (outcome.fallback !== null) notes.push(`${which}${outcome.fallback}.`)
  }
  if (text === before.text) return failure(`The edits leave ${path} as it is; nothing was changed.`)
  try {
    const { sha256 } = await context.workspace.writeFile(path, encodeText({ ...before, text }), { expect: file.sha256 })
    const report = await reportChange({ path, before: before.text, after: text, sha256 }, context)
    const places = replaced === 1 ? '1 place' : `${replaced} places`
    return success([`Edited ${path} in ${places}: ${report}`, ...notes].join('\n'), {
      path,
      replaced,
      fallbacks: notes,
    })
  } catch (error) {
    if (!(error instanceof WorkspaceError && error.code === 'conflict')) throw error
    return failure(`${path} changed while it was edited; nothing was written. Read it again.`, { code: error.code })
  }
}
