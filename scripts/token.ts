/** `npm run token -- <name>`: a new API token, and nothing else, on standard output. */
import { runCommand } from '../lib/composition/command.ts'
import { loadSettings } from '../lib/config.ts'
import { createOwnerToken } from '../lib/services/token/create.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

await endWithWords(async () => {
  const settings = loadSettings(projectDirectory)
  const name = process.argv.slice(2).join(' ')
  const { token } = await runCommand(settings, (parts) => createOwnerToken(parts, { name }))
  process.stdout.write(`${token}\n`)
})
