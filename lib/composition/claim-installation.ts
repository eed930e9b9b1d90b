/** A database is used by the installation that it belongs to: asked at each start before anything on the engine is touched. */
import { randomIds } from '../ids.ts'
import { createPrismaClient } from '../store/client.ts'
import { createStores } from '../store/prisma-stores.ts'
import { readIdentity, refuseAnother, wasMoved } from './identity.ts'
import type { SettingsWithSecrets } from './secrets.ts'

/**
 * Throws StartRefused for a database that is another's as far as can be seen: copied, restored elsewhere, or of another secret
 * key. A data folder that was moved is told from a copy by what it left behind, and is taken as it is.
 */
export async function claimInstallation(input: { settings: SettingsWithSecrets; databaseUrl: string }): Promise<void> {
  const { settings, databaseUrl } = input
  const client = createPrismaClient(databaseUrl)
  try {
    const { installation } = createStores(client)
    const { id } = await installation.ensure(randomIds.next('ins'))
    const own = await readIdentity(settings, installation)
    const kept = await installation.keepIdentity(own)
    const moved = wasMoved(kept, own)
    refuseAnother({ kept: moved ? { ...kept, place: own.place } : kept, own, dataDirectory: settings.dataDirectory })
    if (moved) await installation.replace({ id, ...own })
  } finally {
    await client.$disconnect()
  }
}
