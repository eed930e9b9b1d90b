/** The sandbox driver of an installation: chosen at its first start and kept. The one place that knows every adapter of the port. */
import path from 'node:path'
import type { Settings } from '../config.ts'
import { createDockerDriver } from '../drivers/sandbox/docker/create-docker-driver.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import type { Logger } from '../logger.ts'
import type { Stores } from '../store/stores.ts'

/** The driver of the first start, kept for good: an engine that does not answer later changes nothing. */
export async function openDriver(input: {
  settings: Settings
  stores: Stores
  logger: Logger
}): Promise<SandboxDriver> {
  const { settings, stores, logger } = input
  await stores.installation.chooseDriver(settings.sandbox ?? 'docker')
  return createDockerDriver({
    dockerHost: settings.dockerHost,
    socketRoot: path.join(settings.dataDirectory, 'sockets'),
    logger,
  })
}
