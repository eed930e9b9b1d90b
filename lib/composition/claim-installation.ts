/** A database is used by the installation that it belongs to: asked at each start before anything on the engine is touched. */
import { randomIds } from '../ids.ts'
import { createPrismaClient } from '../store/client.ts'
import { createStores } from '../store/prisma-stores.ts'
import { readIdentity, refuseAnother } from './identity.ts'
import type { SettingsWithSecrets } from './secrets.ts'

/** Throws StartRefused for a database that was moved, restored elsewhere or copied, and for another secret key than before. */
export async function claimInstallation(input: { settings: SettingsWithSecrets; databaseUrl: string }): Promise<void> {
  const { settings, databaseUrl } = input
  const client = createPrismaClient(databaseUrl)
  try {
    const { installation } = createStores(client)
    await installation.ensure(randomIds.next('ins'))
    const own = await readIdentity(settings, installation)
    const kept = await installation.keepIdentity(own)
    refuseAnother({ kept, own, dataDirectory: settings.dataDirectory })
  } finally {
    await client.$disconnect()
  }
}
