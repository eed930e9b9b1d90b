/** `npm run generate`: the Prisma client, generated anew. Other scripts generate it themselves when the schema has changed. */
import { ensureClient } from './set-up/generate-client.mjs'
import { ensureInstalled } from './set-up/install.mjs'
import { runMain } from './set-up/project.mjs'

await runMain(async () => {
  await ensureInstalled()
  await ensureClient({ force: true })
})
