/**
 * What is known of a sandbox while no process of it runs: a file in its folder. The file is the sandbox: it is there from the
 * moment it is complete until its folder is removed, whatever happens to the control plane.
 */
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { randomText } from '../../../ids.ts'
import type { SandboxLabels } from '../port.ts'
import { installationFolder, sandboxesFolder, sandboxFolder } from './layout.ts'

const content = z.object({
  installationId: z.string(),
  agentId: z.string(),
  incarnation: z.string(),
  /** The folder of the programs that it runs. */
  programs: z.string(),
  /** Where its sockets and TMPDIR are while it runs. */
  runFolder: z.string(),
  bridgeTokenSha256: z.string(),
  agentEnv: z.record(z.string(), z.string()),
})
export type SandboxRecord = z.infer<typeof content>

/** Complete or not there, also after a crash. */
export async function writeRecord(root: string, record: SandboxRecord): Promise<void> {
  const file = sandboxFolder(root, record).record
  const draft = `${file}.${randomText(8)}`
  await writeFile(draft, JSON.stringify(record), { mode: 0o600 })
  await rename(draft, file)
}

/** Null when there is no such sandbox. */
export async function findRecord(root: string, sandbox: SandboxLabels): Promise<SandboxRecord | null> {
  const text = await orNull(readFile(sandboxFolder(root, sandbox).record, 'utf8'))
  return text === null ? null : parseRecord(text)
}

/** Null for what somebody else wrote in its place: whoever runs in the sandbox can. */
function parseRecord(text: string): SandboxRecord | null {
  try {
    return content.safeParse(JSON.parse(text)).data ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Every sandbox of the installation, or of one agent in it. */
export async function listRecords(
  root: string,
  { installationId, agentId }: { installationId: string; agentId?: string },
): Promise<SandboxRecord[]> {
  const agents = agentId === undefined ? await namesIn(installationFolder(root, installationId)) : [agentId]
  const found = await Promise.all(
    agents.map(async (agent) => {
      const owner = { installationId, agentId: agent }
      const incarnations = await namesIn(sandboxesFolder(root, owner))
      return Promise.all(incarnations.map((incarnation) => findRecord(root, { ...owner, incarnation })))
    }),
  )
  return found.flat().filter((record) => record !== null)
}

/** Names of the folders that an agent's sandboxes have, complete or not. */
export function listIncarnations(root: string, owner: { installationId: string; agentId: string }): Promise<string[]> {
  return namesIn(sandboxesFolder(root, owner))
}

async function namesIn(folder: string): Promise<string[]> {
  return (await orNull(readdir(folder))) ?? []
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))) return null
    throw error
  }
}
