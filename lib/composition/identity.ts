/**
 * What tells an installation from a copy of it. A copy has the same id, which its sandboxes' labels carry, and may have the same
 * secrets; but its database lies somewhere else. Both are kept in the database and held against what is there at each start.
 */
import { createHmac } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import type { Settings } from '../config.ts'
import { locateEmbedded, runsAsRoot } from '../store/embedded/location.ts'
import type { InstallationIdentity, InstallationStore } from '../store/stores.ts'
import type { SettingsWithSecrets } from './secrets.ts'
import { StartRefused } from './start-refused.ts'

/** As it is now. */
export async function readIdentity(
  settings: Pick<SettingsWithSecrets, 'databaseUrl' | 'dataDirectory' | 'secretKey'>,
  store: InstallationStore,
): Promise<InstallationIdentity> {
  return { place: await readPlace(settings, store), keyCheck: checkOf(settings.secretKey) }
}

/** Tells keys apart, and says nothing of one. */
function checkOf(secretKey: string): string {
  return createHmac('sha256', secretKey).update('berth: which key this is').digest('base64url')
}

/** Where the database lies: readable by people, and the same for all control planes that share it. */
async function readPlace(
  { databaseUrl, dataDirectory }: Pick<Settings, 'databaseUrl' | 'dataDirectory'>,
  store: InstallationStore,
): Promise<string> {
  if (databaseUrl !== null) {
    const { cluster, database } = await store.readServer()
    return `the database "${database}" of the PostgreSQL server ${cluster}`
  }
  const { cluster } = locateEmbedded(dataDirectory, runsAsRoot())
  return `${await realpath(cluster)} on the machine ${await readMachineId()}`
}

/** Empty where the system gives none, as in most containers and on macOS: then the path alone counts. */
async function readMachineId(): Promise<string> {
  try {
    return (await readFile('/etc/machine-id', 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

/** Pure. Throws StartRefused when what is kept is another's. */
export function refuseAnother(input: {
  kept: InstallationIdentity
  own: InstallationIdentity
  dataDirectory: string
}): void {
  const { kept, own, dataDirectory } = input
  if (kept.place !== own.place) {
    throw new StartRefused(
      `This database was last used as ${kept.place}, and is ${own.place} now: it was moved, restored or copied. Two databases of ` +
        `one installation must not be used side by side: each would take the other's sandboxes for its own. If the other one is ` +
        'not used any more: npm run installation -- adopt. If this is a copy beside it: npm run installation -- separate, which ' +
        'makes it an installation of its own; its agents keep their history and begin with fresh clones.',
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
