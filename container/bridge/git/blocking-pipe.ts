/**
 * A repository that git does not come back from: it opens what it finds there, and a pipe that nobody writes to never ends. Asked
 * only where git was seen not to answer, for there are pipes that it never opens. Must not know: what follows.
 */
import type { Workspace } from '../workspace-port.ts'

const TIMEOUT_MS = 10_000

/** Whether `.git` holds a pipe, or a link to one. Links are looked through, not gone along. */
export async function hasBlockingPipe({
  workspace,
  signal,
}: {
  workspace: Workspace
  signal?: AbortSignal | undefined
}): Promise<boolean> {
  const argv = ['find', '-H', '.git', '-xtype', 'p', '-print', '-quit']
  const command = { command: { argv }, timeoutMs: TIMEOUT_MS, maxOutputChars: 4_000 }
  const { output } = await workspace.run(command, signal === undefined ? {} : { signal })
  // Beside it may stand what could not be looked into.
  return /^\.git\//m.test(output)
}
