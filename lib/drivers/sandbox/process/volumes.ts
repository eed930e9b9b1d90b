/** The folders of an agent that stay when its sandbox goes: its clone, its home, the bridge's journal. */
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BerthError } from '../../../errors.ts'
import { agentFolder, type SandboxFolder, sandboxesFolder, type VolumeOwner, volumeParts } from './layout.ts'
import { listRecords } from './record.ts'
import { removeTree } from './remove-tree.ts'

/** What an image sets for git as a whole, where the proxy and the repository have settings of their own. */
const GIT_SETTINGS = `[safe]
	directory = *
[init]
	defaultBranch = main
[core]
	askPass = true
	editor = true
[advice]
	detachedHead = false
	pushUpdateRejected = false
	statusHints = false
`

/** Makes those that are missing and answers their paths, also of those made before it fails. */
export async function ensureVolumes({ volumes }: SandboxFolder, made: string[]): Promise<void> {
  for (const part of volumeParts) {
    if ((await mkdir(volumes[part], { recursive: true, mode: 0o700 })) !== undefined) made.push(volumes[part])
  }
  await mkdir(path.join(volumes.home, '.berth'), { recursive: true })
  await writeGitSettings(volumes.home)
}

/** In the place that a person's own ~/.gitconfig comes after. */
async function writeGitSettings(home: string): Promise<void> {
  const folder = path.join(home, '.config', 'git')
  await mkdir(folder, { recursive: true })
  try {
    await writeFile(path.join(folder, 'config'), GIT_SETTINGS, { flag: 'wx' })
  } catch (error) {
    if (!hasCode(error, ['EEXIST'])) throw error
  }
}

/** Throws `state_conflict` while there is a sandbox on them. */
export async function removeVolumes(root: string, { installationId, agentId }: VolumeOwner): Promise<void> {
  const owner = { installationId, agentId }
  if ((await listRecords(root, owner)).length > 0) {
    throw new BerthError('state_conflict', `The files of agent ${agentId} are still used by its sandbox.`, {
      hint: 'Remove its sandbox first.',
    })
  }
  for (const part of volumeParts) await removeTree(path.join(agentFolder(root, owner), part))
  await removeEmptyFolders(root, owner)
}

/** Of an agent that has nothing left; others stay as they are. */
export async function removeEmptyFolders(root: string, owner: VolumeOwner): Promise<void> {
  for (const folder of [sandboxesFolder(root, owner), agentFolder(root, owner)]) {
    try {
      await rmdir(folder)
    } catch (error) {
      if (hasCode(error, ['ENOTEMPTY', 'EEXIST'])) return
      if (!hasCode(error, ['ENOENT'])) throw error
    }
  }
}

function hasCode(error: unknown, codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
