/** `npm run build-container [-- --no-cache]`: makes the agent image, or says that it is up to date. */
import path from 'node:path'
import { loadSettings } from '../lib/config.ts'
import { ensureAgentImage } from '../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { isBerthError } from '../lib/errors.ts'

const flags = process.argv.slice(2)
const unknown = flags.filter((flag) => flag !== '--no-cache')
if (unknown.length > 0) {
  console.error(`build-container: unknown ${unknown.join(' ')}; it takes --no-cache and nothing else.`)
  process.exit(2)
}

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort(name))

try {
  const root = path.resolve(import.meta.dirname, '..')
  const settings = loadSettings(root)
  const { image, built } = await ensureAgentImage({
    settings,
    onProgress: (line) => console.log(line),
    noCache: flags.includes('--no-cache'),
    signal: interrupted.signal,
    root,
  })
  if (settings.agentImage !== null) {
    console.log(
      `${image} is there, and used as it is: BERTH_AGENT_IMAGE names it. Without it Berth's own image is built.`,
    )
  } else if (!built) console.log(`${image} is up to date`)
} catch (error) {
  if (interrupted.signal.aborted) {
    console.error('Interrupted; nothing half made was left.')
    process.exit(130)
  }
  if (!isBerthError(error)) throw error
  console.error(error.message)
  const tail = error.details?.logTail
  if (Array.isArray(tail)) for (const line of tail) console.error(`  ${line}`)
  if (error.hint !== undefined) console.error(error.hint)
  process.exit(1)
}
