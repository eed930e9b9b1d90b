/** Who this control plane is: an id in its data folder, which one process at a time holds. Owner of its agents' leases. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { randomIds } from '../ids.ts'

/** The id kept in the data folder, made with the first call. */
export async function ensureInstanceId(dataDirectory: string): Promise<string> {
  const file = path.join(dataDirectory, 'instance-id')
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  try {
    await writeFile(file, `${randomIds.next('own')}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return (await readFile(file, 'utf8')).trim()
}
