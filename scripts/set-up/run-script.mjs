/**
 * Runs a script of this project on Node 24, with what it needs installed and generated first: node scripts/with-node.mjs <script> [arguments].
 * Standard output is the script's alone.
 */
import path from 'node:path'
import { runOnNode24 } from './node24.mjs'
import { prepareProject } from './prepare.mjs'
import { projectDirectory, runMain, SetUpError } from './project.mjs'

await runMain(async () => {
  const [script, ...args] = process.argv.slice(2)
  if (script === undefined) throw new SetUpError('usage: node scripts/with-node.mjs <script> [arguments]')
  await prepareProject()
  process.exitCode = await runOnNode24({ script: path.resolve(projectDirectory, script), args })
})
