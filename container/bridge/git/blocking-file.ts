/**
 * A repository that git would wait in for ever: it opens what it finds there, and a pipe never ends. Must not know: what follows.
 */
import type { Workspace } from '../workspace-port.ts'

const TIMEOUT_MS = 10_000

/** True where something in `.git` is no file, folder or link, which git itself never makes. */
export async function hasBlockingFile({
  workspace,
  signal,
}: {
  workspace: Workspace
  signal?: AbortSignal | undefined
}): Promise<boolean> {
  const argv = ['find', '-H', '.git', '!', '-type', 'f', '!', '-type', 'd', '!', '-type', 'l', '-print', '-quit']
  const command = { command: { argv }, timeoutMs: TIMEOUT_MS, maxOutputChars: 4_000 }
  const { exitCode, output } = await workspace.run(command, signal === undefined ? {} : { signal })
  return exitCode === 0 && output.trim() !== ''
}
