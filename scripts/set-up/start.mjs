/** `npm start`: installs what is missing on whatever Node there is, then serves on Node 24. */
import path from 'node:path'
import { runOnNode24 } from './node24.mjs'
import { prepareProject } from './prepare.mjs'
import { projectDirectory, runMain } from './project.mjs'

await runMain(async () => {
  await prepareProject()
  process.exitCode = await runOnNode24({
    script: path.join(projectDirectory, 'scripts', 'serve.ts'),
    args: process.argv.slice(2),
  })
})
