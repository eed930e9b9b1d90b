/** The folders of an agent that stay when its sandbox goes: its clone, its home, the bridge's journal. */
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BerthError } from '../../../errors.ts'
import { agentFolder, sandboxesFolder, type VolumeOwner, volumeParts, volumesOf } from './layout.ts'
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

/** Programs look above a workspace for the package that it is of, and would find Berth's own where the data folder lies in it. */
const PACKAGE = '{ "private": true }\n'
const packageFile = (root: string, owner: VolumeOwner) => path.join(agentFolder(root, owner), 'package.json')

/** Makes what is missing and adds it to `made`, also when it fails. */
export async function ensureVolumes(
  root: string,
  { owner, made }: { owner: VolumeOwner; made: string[] },
): Promise<void> {
  const volumes = volumesOf(root, owner)
  for (const part of volumeParts) {
    if ((await mkdir(volumes[part], { recursive: true, mode: 0o700 })) !== undefined) made.push(volumes[part])
  }
  if (await writeIfMissing(packageFile(root, owner), PACKAGE)) made.push(packageFile(root, owner))
  await mkdir(path.join(volumes.home, '.berth'), { recursive: true })
  // In the place that a person's own ~/.gitconfig comes after.
  const gitFolder = path.join(volumes.home, '.config', 'git')
  await mkdir(gitFolder, { recursive: true })
  await writeIfMissing(path.join(gitFolder, 'config'), GIT_SETTINGS)
}

/** False when the file is there. */
async function writeIfMissing(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (hasCode(error, ['EEXIST'])) return false
    throw error
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
  for (const folder of Object.values(volumesOf(root, owner))) await removeTree(folder)
  await rm(packageFile(root, owner), { force: true })
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
