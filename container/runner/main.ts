/** The runner: the process of the agent's user that touches the workspace and runs everything that is not ours. */
import { systemClock } from '../../lib/clock.ts'
import { createLogger } from '../../lib/logger.ts'
import { readRunnerConfig } from './config.ts'
import { serveForEver } from './connect.ts'
import { withProxy } from './workspace/command-environment.ts'
import { createLocalWorkspace } from './workspace/local-workspace.ts'
import { endOrphans } from './workspace/process-family.ts'

const config = readRunnerConfig()
const logger = createLogger({ fields: { part: 'runner' } })
const orphans = endOrphans(config)
if (orphans > 0) logger.warn('ended processes of an earlier runner', { processes: orphans })

// Bundled as CommonJS, which has no await at the top level.
async function serve(): Promise<void> {
  let proxyPort: number | null = null
  const workspace = await createLocalWorkspace({
    root: config.workspace,
    extraRoots: [config.tmpDirectory],
    outputDirectory: config.outputDirectory,
    isolated: config.isolated,
    env: () => withProxy(config.commandEnvironment, proxyPort),
  })
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  await serveForEver({
    socketPath: config.socketPath,
    workspace,
    logger,
    clock: systemClock,
    onAccepted: (hello) => {
      proxyPort = hello.proxyPort
    },
    signal: stop.signal,
  })
}

serve().catch((error: unknown) => {
  logger.error('the runner ended', { error })
  process.exitCode = 1
})
