/** write_file: a whole file at once; never over something that the model has not seen as it is. */
import { z } from 'zod'
import { WorkspaceError } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { withPathLock } from './path-lock.ts'
import { reportChange } from './report-change.ts'
import { decodeText, readNamed } from './text-file.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const input = z.strictObject({
  path: z.string().min(1).describe('File to write, relative to the workspace or absolute. Missing folders are made.'),
  content: z.string().describe('The whole content of the file.'),
})

export const writeFile = defineTool<z.infer<typeof input>>({
  name: 'write_file',
  description:
    'Writes a whole file: a new one, or in place of one that was read before and has not changed since. ' +
    'To change a part of a file use edit_file.',
  input,
  async execute({ path, content }, context) {
    const stat = await context.workspace.stat(path)
    if (stat === null) return withPathLock(context.workspace, path, () => createFile(path, content, context))
    if (stat.kind === 'directory') return failure(`${path} is a directory; give the path of a file in it.`)
    return withPathLock(context.workspace, stat.path, () => replaceFile(stat.path, content, context))
  },
})

async function createFile(path: string, content: string, context: ToolContext): Promise<ToolOutput> {
  const { sha256 } = await context.workspace.writeFile(path, Buffer.from(content), { expect: null })
  const shown = (await context.workspace.stat(path))?.path ?? path
  const report = await reportChange({ path: shown, before: null, after: content, sha256 }, context)
  return success(`Created ${shown}: ${report}`, { path: shown, created: true })
}

async function replaceFile(path: string, content: string, context: ToolContext): Promise<ToolOutput> {
  const { workspace, reads } = context
  const file = await readNamed(workspace, path)
  const refusal = explainRefusal(path, reads.lastSeen(path), file.sha256)
  if (refusal !== null) return failure(refusal, { code: 'conflict' })
  const bytes = Buffer.from(content)
  if (bytes.equals(file.bytes)) return success(`${path} has this content already; nothing was written.`)
  try {
    const { sha256 } = await workspace.writeFile(path, bytes, { expect: file.sha256 })
    const before = decodeText(file)
    const report = await reportChange(
      { path, before: before ? before.bom + before.text : '', after: content, sha256 },
      context,
    )
    return success(`Wrote ${path}: ${report}`, { path, created: false })
  } catch (error) {
    if (!(error instanceof WorkspaceError && error.code === 'conflict')) throw error
    return failure(`${path} changed while it was written; nothing was overwritten. Read it again.`, {
      code: error.code,
    })
  }
}

function explainRefusal(path: string, seen: string | null, now: string): string | null {
  if (seen === null) {
    return `${path} exists and was not read, so it is not overwritten. Read it with read_file first, or change a part of it with edit_file.`
  }
  if (seen === now) return null
  return `${path} has changed since it was last read or written here (by a command, or by somebody else), so it is not overwritten. Read it again with read_file.`
}
