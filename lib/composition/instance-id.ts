/** Who this control plane is: an id in its data folder, which one process at a time holds. Owner of its agents' leases. */
import { realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { randomIds } from '../ids.ts'
import { inWords } from './in-words.ts'
import { keepFirst } from './keep-first.ts'

/**
 * The id kept in the data folder, made with the first call. It says whose folder it is: a folder that was copied gets an id of
 * its own, so that two control planes never pass for one.
 */
export async function ensureInstanceId(dataDirectory: string): Promise<string> {
  const file = path.join(dataDirectory, 'instance-id')
  return await inWords({ what: 'The data folder', folder: dataDirectory }, async () => {
    const folder = await realpath(dataDirectory)
    const make = () => `${randomIds.next('own')}\n${folder}\n`
    const [id = '', whose] = (await keepFirst(file, make)).trim().split('\n')
    if (whose === folder) return id
    await rm(file)
    const [own = ''] = (await keepFirst(file, make)).split('\n')
    return own
  })
}
