/** `npm start`: installs what is missing on whatever Node there is, then serves on Node 24. */
import path from 'node:path'
import { runOnNode24 } from './node24.mjs'
import { prepareProject } from './prepare.mjs'
import { projectDirectory, runMain } from './project.mjs'

const USAGE = `npm start [-- --dev]

Installs what is missing, brings the database up to date, builds the agent image and serves the dashboard.
What can be set is in .env.example; npm run doctor looks at the machine.

  --dev    pages are built when they are asked for, and again when they change
  --help   this text
Exit status: 0 when it was told to stop or runs already, 1 when it cannot start, 2 for a wrong argument.
`

const args = process.argv.slice(2)
const unknown = args.filter((argument) => argument !== '--dev' && argument !== '--help')
if (unknown.length > 0) {
  process.stderr.write(`npm start: unknown ${unknown.join(' ')}.\n\n${USAGE}`)
  process.exitCode = 2
} else if (args.includes('--help')) {
  process.stdout.write(USAGE)
} else {
  await runMain(async () => {
    await prepareProject()
    process.exitCode = await runOnNode24({ script: path.join(projectDirectory, 'scripts', 'serve.ts'), args })
  })
}
