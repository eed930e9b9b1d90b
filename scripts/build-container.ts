/** `npm run build-container [-- --no-cache]`: makes the agent image, or says that it is up to date. */
import { createProgress } from '../lib/composition/progress.ts'
import { loadSettings } from '../lib/config.ts'
import { ensureAgentImage } from '../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { projectDirectory } from './project-directory.ts'
import { runInterruptibly } from './run-interruptibly.ts'

const flags = process.argv.slice(2)
const unknown = flags.filter((flag) => flag !== '--no-cache')
if (unknown.length > 0) {
  console.error(`build-container: unknown ${unknown.join(' ')}; it takes --no-cache and nothing else.`)
  process.exit(2)
}

await runInterruptibly('build', async ({ signal }) => {
  const settings = loadSettings(projectDirectory)
  const progress = createProgress({ write: (line) => console.log(line) })
  const { image, built } = await progress.step('Building the agent image', (note) =>
    ensureAgentImage({
      settings,
      onProgress: note,
      noCache: flags.includes('--no-cache'),
      signal,
      root: projectDirectory,
    }),
  )
  if (settings.agentImage !== null) {
    progress.say(
      `${image} is there, and used as it is: BERTH_AGENT_IMAGE names it. Without it Berth's own image is built.`,
    )
  } else progress.say(built ? `${image} is built` : `${image} is up to date`)
})
