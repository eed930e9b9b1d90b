/**
 * What tells an installation from a copy of it. A copy has the same id, which its sandboxes' labels carry, and may have the same
 * secrets; but its database lies somewhere else. Both are kept in the database and held against what is there at each start.
 */
import { createHmac } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { z } from 'zod'
import type { Settings } from '../config.ts'
import { locateEmbedded, runsAsRoot } from '../store/embedded/location.ts'
import type { InstallationIdentity, InstallationStore } from '../store/stores.ts'
import type { SettingsWithSecrets } from './secrets.ts'
import { StartRefused } from './start-refused.ts'

/** Where a database lies, the same for all control planes that share it. */
const place = z.union([
  /** The embedded one. `machine` is empty where the system gives none, as in most containers and on macOS. */
  z.object({ folder: z.string(), machine: z.string() }),
  z.object({ server: z.string(), database: z.string() }),
])
type Place = z.infer<typeof place>

/** As it is now. */
export async function readIdentity(
  settings: Pick<SettingsWithSecrets, 'databaseUrl' | 'dataDirectory' | 'secretKey'>,
  store: Pick<InstallationStore, 'readServer'>,
): Promise<InstallationIdentity> {
  return { place: JSON.stringify(await readPlace(settings, store)), keyCheck: checkOf(settings.secretKey) }
}

/** Tells keys apart, and says nothing of one. */
function checkOf(secretKey: string): string {
  return createHmac('sha256', secretKey).update('berth: which key this is').digest('base64url')
}

async function readPlace(
  { databaseUrl, dataDirectory }: Pick<Settings, 'databaseUrl' | 'dataDirectory'>,
  store: Pick<InstallationStore, 'readServer'>,
): Promise<Place> {
  if (databaseUrl !== null) return await store.readServer()
  const { cluster } = locateEmbedded(dataDirectory, runsAsRoot())
  return { folder: await realpath(cluster), machine: await readMachineId() }
}

async function readMachineId(): Promise<string> {
  try {
    return (await readFile('/etc/machine-id', 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

/** For a person. */
export function describePlace(kept: string): string {
  const where = place.parse(JSON.parse(kept))
  if ('server' in where) return `the database "${where.database}" of the PostgreSQL server ${where.server}`
  return where.machine === '' ? where.folder : `${where.folder} on the machine ${where.machine}`
}

/** True where the folder of before is not there any more: a copy would have left it. */
export function wasMoved(kept: InstallationIdentity, own: InstallationIdentity): boolean {
  const [before, now] = [place.parse(JSON.parse(kept.place)), place.parse(JSON.parse(own.place))]
  if (!('folder' in before && 'folder' in now) || before.machine !== now.machine) return false
  return before.folder !== now.folder && !existsSync(before.folder)
}

/** Throws StartRefused when what is kept is another's. */
export function refuseAnother(input: {
  kept: InstallationIdentity
  own: InstallationIdentity
  dataDirectory: string
}): void {
  const { kept, own, dataDirectory } = input
  if (kept.place !== own.place) {
    throw new StartRefused(
      `This database was last used as ${describePlace(kept.place)}, and is ${describePlace(own.place)} now: it was moved, ` +
        'restored or copied. Two databases of one installation must not be used side by side: each would take the ' +
        "other's sandboxes for its own. If the other one is not used any more: npm run installation -- adopt. If this is a " +
        'copy beside it: npm run installation -- separate, which makes it an installation of its own; its agents keep their ' +
        'history and begin with fresh clones.',
    )
  }
  if (kept.keyCheck !== own.keyCheck) {
    throw new StartRefused(
      `The secret key is not the one that this database was last used with. Bring ${dataDirectory}/secrets/secret-key back from ` +
        'a backup, or set BERTH_SECRET_KEY as it was; several control planes on one database all need the same. If it is lost ' +
        'for good: npm run installation -- adopt. Sandboxes that run are then made anew, on their volumes, when they are ' +
        'next used.',
    )
  }
}
