/** What follows a change of a file by a tool: the ledger, the event, the syntax check. */
import { WorkspaceError } from '../workspace-port.ts'
import { checkSyntax } from './check-syntax.ts'
import { LIMITS } from './limits.ts'
import type { ToolContext } from './tool.ts'
import { createUnifiedDiff } from './unified-diff.ts'

export interface FileChange {
  path: string
  before: string | null
  after: string
  sha256: string
}

/** e.g. "+3 -1" and, on a line of its own, the syntax checker's complaint. */
export async function reportChange(change: FileChange, context: ToolContext): Promise<string> {
  const { path, before, after } = change
  context.reads.record(path, change.sha256)
  const diff = createUnifiedDiff({ path, before, after, maxChars: LIMITS.diff.chars })
  context.emit({
    type: 'file_change',
    data: { path, change: before === null ? 'added' : 'modified', ...diff, toolCallId: context.toolCallId },
  })
  const counts = `+${diff.additions} -${diff.deletions} lines`
  const complaint = await checkSyntax({
    workspace: context.workspace,
    signal: context.signal,
    path,
    before,
    after,
  }).catch((error: unknown) => {
    // The file is written; that it could not be checked does not undo it.
    if (error instanceof WorkspaceError) return null
    throw error
  })
  return complaint === null ? counts : `${counts}\nSyntax check, please repair:\n${complaint}`
}
