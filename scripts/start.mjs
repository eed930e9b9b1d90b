/** `npm start`: installs what is missing on whatever Node there is, then serves on Node 24. */
import path from 'node:path'
import { runOnNode24 } from './set-up/node24.mjs'
import { prepareProject } from './set-up/prepare.mjs'
import { projectDirectory, runMain } from './set-up/project.mjs'

await runMain(async () => {
  await prepareProject()
  process.exitCode = await runOnNode24({
    script: path.join(projectDirectory, 'scripts', 'serve.ts'),
    args: process.argv.slice(2),
  })
})
