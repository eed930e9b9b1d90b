/** `npm run token -- <name>`: a new API token, and nothing else, on standard output. */
import { runCommand } from '../lib/composition/command.ts'
import { loadSettings } from '../lib/config.ts'
import { createOwnerToken } from '../lib/services/token/create.ts'
import { readWords } from './command-line.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

const USAGE = `npm run token -- <name>

Prints a new API token of the owner. The name tells it from others: npm run token -- laptop
`

await endWithWords(async () => {
  const words = readWords(USAGE, process.argv.slice(2))
  if (words === null) return void process.stdout.write(USAGE)
  const settings = loadSettings(projectDirectory)
  const name = words.join(' ')
  const { token } = await runCommand(settings, (parts) => createOwnerToken(parts, { name }))
  process.stdout.write(`${token}\n`)
})
