/** `npm run generate`: the Prisma client, generated anew. Other scripts generate it themselves when the schema has changed. */
import { prepareProject } from './prepare.mjs'
import { runMain } from './project.mjs'

await runMain(async () => {
  await prepareProject({ newClient: true })
})
