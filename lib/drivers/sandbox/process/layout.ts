/**
 * Where a process sandbox lies. Under the data folder, in a folder for each agent: what is kept (workspace, home, state) and a
 * folder for each sandbox (its record, its logs, which processes it is). Under the system's temporary folder, while it runs:
 * the sockets and the agent's TMPDIR, whose paths must be short (a socket's has 107 bytes at most).
 */
import os from 'node:os'
import path from 'node:path'
import type { SandboxLabels } from '../port.ts'

export interface VolumeOwner {
  installationId: string
  agentId: string
}

/** What is kept when a sandbox goes. */
export const volumeParts = ['workspace', 'home', 'state'] as const
export type VolumePart = (typeof volumeParts)[number]

export interface SandboxFolder {
  /** Holds everything of the sandbox that is kept while it is stopped. */
  folder: string
  record: string
  log: Record<'bridge' | 'runner', string>
  volumes: Record<VolumePart, string>
}

/** Ids become names of folders. Throws TypeError for what is none. */
export function installationFolder(root: string, installationId: string): string {
  return path.join(root, named(installationId))
}

export function agentFolder(root: string, { installationId, agentId }: VolumeOwner): string {
  return path.join(installationFolder(root, installationId), named(agentId))
}

/** Of one agent: a folder for each sandbox, named by its incarnation. */
export function sandboxesFolder(root: string, owner: VolumeOwner): string {
  return path.join(agentFolder(root, owner), 'sandboxes')
}

export function volumesOf(root: string, owner: VolumeOwner): Record<VolumePart, string> {
  const agent = agentFolder(root, owner)
  return {
    workspace: path.join(agent, 'workspace'),
    home: path.join(agent, 'home'),
    state: path.join(agent, 'state'),
  }
}

export function sandboxFolder(root: string, sandbox: SandboxLabels): SandboxFolder {
  const folder = path.join(sandboxesFolder(root, sandbox), named(sandbox.incarnation))
  return {
    folder,
    record: path.join(folder, 'sandbox.json'),
    log: { bridge: path.join(folder, 'bridge.log'), runner: path.join(folder, 'runner.log') },
    volumes: volumesOf(root, sandbox),
  }
}

/** Longer ones leave no room for the sockets that the agent's own programs make in TMPDIR. */
const MAX_TEMPORARY_BYTES = 30

/** Where a sandbox's run folder is made: the system's temporary folder, unless its path is long. */
export function runFolder(incarnation: string, temporary: string = os.tmpdir()): string {
  const base = Buffer.byteLength(temporary) <= MAX_TEMPORARY_BYTES ? temporary : '/tmp'
  return path.join(base, `berth-${named(incarnation)}`)
}

/** What a run folder holds. */
export function runFiles(folder: string): { bridgeSocket: string; runnerSocket: string; tmp: string } {
  return {
    bridgeSocket: path.join(folder, 'bridge.sock'),
    runnerSocket: path.join(folder, 'runner.sock'),
    tmp: path.join(folder, 'tmp'),
  }
}

function named(id: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(id)) throw new TypeError(`"${id}" is no id`)
  return id
}
