/** The bridge's process: its settings, its real parts, its end. */

import { systemClock } from '../../lib/clock.ts'
import { randomIds } from '../../lib/ids.ts'
import { createLogger } from '../../lib/logger.ts'
import manifest from '../../package.json' with { type: 'json' }
import { readBridgeConfig } from './config.ts'
import { createExecutor } from './executor/executor.ts'
import { startBridge } from './start-bridge.ts'
import { tools } from './tools/index.ts'
import { createRunnerLink } from './workspace/runner-link.ts'

const CLOSE_TIMEOUT_MS = 2_000

const config = readBridgeConfig()
const logger = createLogger({
  level: config.logLevel,
  fields: { agent: config.agentId },
  // Standard output, so that `docker logs` shows it in order.
  write: (line) => process.stdout.write(`${line}\n`),
})

// One client's bad luck must not end everyone's run: what nobody caught is a defect, logged, and the bridge goes on.
process.on('uncaughtException', (error) => logger.error('Nobody caught this error.', { error }))
process.on('unhandledRejection', (error) => logger.error('Nobody caught this rejection.', { error }))

start().catch((error) => {
  logger.error('The bridge could not be started.', { error })
  process.exit(1)
})

async function start(): Promise<void> {
  const bridge = await startBridge({
    config,
    version: manifest.version,
    clock: systemClock,
    ids: randomIds,
    logger,
    openRunner: ({ proxyPort }) => createRunnerLink({ socketPath: config.runnerSocketPath, proxyPort, logger }),
    createExecutor: (parts) => createExecutor({ ...parts, tools }),
  })
  let closing = false
  const end = (signal: string) => {
    if (closing) return
    closing = true
    logger.info('The bridge ends.', { signal })
    setTimeout(() => process.exit(0), CLOSE_TIMEOUT_MS).unref()
    bridge.close().then(
      () => process.exit(0),
      (error) => {
        logger.error('The bridge did not close well.', { error })
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => end('SIGTERM'))
  process.on('SIGINT', () => end('SIGINT'))
}
