/** Sandboxes as they are now: their records on disk, held against the processes of this machine. */
import { BerthError } from '../../../errors.ts'
import type { Sandbox, SandboxLabels } from '../port.ts'
import { readProgram } from './keeper.ts'
import { sandboxFolder } from './layout.ts'
import { findRecord, listRecords, type SandboxRecord } from './record.ts'

export async function listSandboxes(
  root: string,
  filter: { installationId: string; agentId?: string },
): Promise<Sandbox[]> {
  return (await listRecords(root, filter)).map((record) => toSandbox(root, record))
}

/** Runs as long as its bridge does: whatever else of it is left then belongs to nothing. */
export function toSandbox(root: string, record: SandboxRecord): Sandbox {
  const { installationId, agentId, incarnation } = record
  const bridge = readProgram(sandboxFolder(root, record).folder, 'bridge')
  return {
    installationId,
    agentId,
    incarnation,
    engineId: incarnation,
    state: bridge.state === 'running' ? 'running' : 'stopped',
    // The kernel tells nobody why it killed a process.
    outOfMemory: false,
    exitCode: bridge.state === 'ended' ? bridge.exitCode : null,
  }
}

/** Throws `sandbox_lost` when there is none. */
export async function getRecord(root: string, sandbox: SandboxLabels): Promise<SandboxRecord> {
  const found = await findRecord(root, sandbox)
  if (found !== null) return found
  throw new BerthError(
    'sandbox_lost',
    `There is no sandbox of agent ${sandbox.agentId}, incarnation ${sandbox.incarnation}.`,
    { hint: 'It was removed from outside. Starting or resuming the agent makes a new one on the same files.' },
  )
}
