/** `npm run user -- <e-mail>`: a one-time link for a new person, or a new one for somebody who lost theirs. */
import { runCommand } from '../lib/composition/command.ts'
import { loadSettings } from '../lib/config.ts'
import { inviteUser } from '../lib/services/user/link.ts'
import { readWords } from './command-line.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

const USAGE = `npm run user -- <e-mail>

Prints a one-time link, with which a new person signs in, or one who lost theirs: npm run user -- ada@example.com
`

await endWithWords(async () => {
  const words = readWords(USAGE, process.argv.slice(2), 1)
  if (words === null) return void process.stdout.write(USAGE)
  const settings = loadSettings(projectDirectory)
  const [email = ''] = words
  const { url } = await runCommand(settings, (parts) => inviteUser(parts, { email, baseUrl: parts.baseUrl }))
  process.stdout.write(`${url}\n`)
})
