/** Who this control plane is: an id in its data folder, which one process at a time holds. Owner of its agents' leases. */
import path from 'node:path'
import { randomIds } from '../ids.ts'
import { inWords } from './in-words.ts'
import { keepFirst } from './keep-first.ts'

/** The id kept in the data folder, made with the first call. */
export async function ensureInstanceId(dataDirectory: string): Promise<string> {
  const file = path.join(dataDirectory, 'instance-id')
  const id = await inWords({ what: 'The data folder', folder: dataDirectory }, () =>
    keepFirst(file, () => `${randomIds.next('own')}\n`),
  )
  return id.trim()
}
