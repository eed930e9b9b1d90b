/**
 * `npm run installation -- adopt`: this database, moved, restored or with another secret key, is the installation's from now on.
 * `npm run installation -- separate`: it is a copy, and becomes an installation of its own.
 */
import { runCommand } from '../lib/composition/command.ts'
import { describePlace, readIdentity } from '../lib/composition/identity.ts'
import { ensureSecrets } from '../lib/composition/secrets.ts'
import { loadSettings } from '../lib/config.ts'
import { separateInstallation } from '../lib/services/installation/separate.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

const USAGE = 'usage: npm run installation -- adopt | separate'

await endWithWords(async () => {
  const [command] = process.argv.slice(2)
  if (command !== 'adopt' && command !== 'separate') throw new Error(USAGE)
  const settings = await ensureSecrets(loadSettings(projectDirectory))
  const words = await runCommand(settings, async (parts) => {
    const { installation } = parts.stores
    const { id } = await installation.ensure(parts.ids.next('ins'))
    const identity = await readIdentity(settings, installation)
    if (command === 'separate') {
      const { place } = await installation.keepIdentity(identity)
      if (place === identity.place)
        throw new Error(`This is no copy: the installation's database is ${describePlace(place)}.`)
      const count = await separateInstallation(parts, identity)
      return `This is an installation of its own now, with ${count} agents that have no sandbox yet.`
    }
    await installation.replace({ id, ...identity })
    return `This database is the installation's: ${describePlace(identity.place)}.`
  })
  process.stdout.write(`${words}\n`)
})
