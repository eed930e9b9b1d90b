/** `npm start`: installs what is missing on whatever Node there is, then serves on Node 24. */
import path from 'node:path'
import { ensureClient } from './set-up/generate-client.mjs'
import { ensureInstalled } from './set-up/install.mjs'
import { runOnNode24 } from './set-up/node24.mjs'
import { projectDirectory, runMain } from './set-up/project.mjs'

await runMain(async () => {
  await ensureInstalled()
  await ensureClient()
  process.exitCode = await runOnNode24({
    script: path.join(projectDirectory, 'scripts', 'serve.ts'),
    args: process.argv.slice(2),
  })
})
