/**
 * The agent's setup script: run once for each clone and script, as the agent's user, before its first step: what it
 * installs goes with the clone. Owns: that it is once, also after a crash in the middle (then it is run again). Must not know: HTTP, what the script is for.
 */
import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { SetupCommand } from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'

const TAIL_LINES = 50
const MAX_OUTPUT_CHARS = 64 * 1024

export interface SetupResult {
  /** False when it was done before. */
  ran: boolean
  durationMs: number
}

/** The script ended otherwise than with 0. */
export class SetupFailed extends Error {
  readonly tail: string[]
  constructor(message: string, tail: string[]) {
    super(message)
    this.name = 'SetupFailed'
    this.tail = tail
  }
}

export interface Setup {
  /** Throws SetupFailed; a WorkspaceError when the runner is gone. */
  run(command: SetupCommand, options: { signal: AbortSignal; onOutput: (chunk: string) => void }): Promise<SetupResult>
}

export interface SetupOptions {
  workspace: Workspace
  /** Null where there is no clone. */
  readCloneId: () => Promise<string | null>
  /** The bridge's own: what was set up is noted there. */
  stateDirectory: string
}

export function createSetup({ workspace, readCloneId, stateDirectory }: SetupOptions): Setup {
  const marker = path.join(stateDirectory, 'setup-done')
  return {
    async run({ script, timeoutMs }, { signal, onOutput }) {
      const hash = createHash('sha256').update(script).digest('hex')
      const done = [hash, await readCloneId()].filter((part) => part !== null).join(' ')
      if ((await readMarker(marker)) === done) return { ran: false, durationMs: 0 }
      const result = await workspace.run(
        { command: { line: script }, timeoutMs, maxOutputChars: MAX_OUTPUT_CHARS },
        { signal, onOutput },
      )
      if (result.exitCode !== 0)
        throw new SetupFailed(describe(result), result.output.trimEnd().split('\n').slice(-TAIL_LINES))
      await writeFile(`${marker}.new`, done)
      await rename(`${marker}.new`, marker)
      return { ran: true, durationMs: result.durationMs }
    },
  }
}

function describe(result: {
  exitCode: number | null
  signal: string | null
  timedOut: boolean
  cancelled: boolean
}): string {
  if (result.timedOut) return 'The setup script did not end in time.'
  if (result.cancelled) return 'The setup script was cancelled.'
  return `The setup script ended with ${result.signal ?? `exit code ${result.exitCode}`}.`
}

async function readMarker(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
