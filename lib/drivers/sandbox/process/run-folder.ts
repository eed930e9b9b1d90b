/** The folder of a sandbox that runs: its sockets and its TMPDIR, empty each time it starts, reached by this user alone. */
import { chmod, lstat, mkdir } from 'node:fs/promises'
import { BerthError } from '../../../errors.ts'
import { runFiles } from './layout.ts'
import { removeTree } from './remove-tree.ts'

/** Throws `start_failed` when something of another user's has its name. */
export async function prepareRunFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await lstat(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new BerthError('start_failed', `${folder} is there already and is not this user's.`, {
      hint: 'Remove it, or name another folder for temporary files in TMPDIR.',
    })
  }
  await chmod(folder, 0o700)
  const { bridgeSocket, runnerSocket, tmp } = runFiles(folder)
  for (const left of [bridgeSocket, runnerSocket, tmp]) await removeTree(left)
  await mkdir(tmp, { mode: 0o700 })
}
