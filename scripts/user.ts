/** `npm run user -- <e-mail>`: a one-time link for a new person, or a new one for somebody who lost theirs. */
import { runCommand } from '../lib/composition/command.ts'
import { loadSettings } from '../lib/config.ts'
import { inviteUser } from '../lib/services/user/link.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

await endWithWords(async () => {
  const settings = loadSettings(projectDirectory)
  const email = process.argv[2] ?? ''
  const { url } = await runCommand(settings, (parts) => inviteUser(parts, { email, baseUrl: parts.baseUrl }))
  process.stdout.write(`${url}\n`)
})
