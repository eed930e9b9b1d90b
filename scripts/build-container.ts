/** `npm run build-container [-- --no-cache]`: makes the agent image, or says that it is up to date. */
import { createProgress } from '../lib/composition/progress.ts'
import { loadSettings } from '../lib/config.ts'
import { ensureAgentImage } from '../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { parseCommandLine } from './command-line.ts'
import { projectDirectory } from './project-directory.ts'
import { runInterruptibly } from './run-interruptibly.ts'

const USAGE = `npm run build-container [-- --no-cache]

Makes the agent image, or says that it is up to date.

  --no-cache  make it anew, but for its base
  --help      this text
`

await runInterruptibly('build', async ({ signal }) => {
  const { values } = parseCommandLine(USAGE, {
    options: { 'no-cache': { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  })
  if (values.help) return console.log(USAGE.trimEnd())
  const settings = loadSettings(projectDirectory)
  const progress = createProgress({ write: (line) => console.log(line) })
  const { image, built } = await progress.step('Building the agent image', (note) =>
    ensureAgentImage({
      settings,
      onProgress: note,
      noCache: values['no-cache'],
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
