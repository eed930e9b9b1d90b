/** The sandbox driver of an installation: chosen at its first start and kept. The one place that knows every adapter of the port. */
import path from 'node:path'
import { machineVariables, type Settings } from '../config.ts'
import { createDockerDriver } from '../drivers/sandbox/docker/create-docker-driver.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import { createProcessDriver, projectEntries } from '../drivers/sandbox/process/create-process-driver.ts'
import { randomIds } from '../ids.ts'
import type { Logger } from '../logger.ts'
import { createPrismaClient } from '../store/client.ts'
import { createStores } from '../store/prisma-stores.ts'
import { agentImageName } from './agent-image-name.ts'
import { StartRefused } from './start-refused.ts'

export type BuiltDriver = 'docker' | 'process'

/**
 * The driver of the first start, kept for good: an engine that does not answer later changes nothing. Throws StartRefused when
 * the settings now ask for another one.
 */
export async function chooseDriver(input: { settings: Settings; databaseUrl: string }): Promise<BuiltDriver> {
  const { settings, databaseUrl } = input
  const client = createPrismaClient(databaseUrl)
  try {
    const { installation } = createStores(client)
    await installation.ensure(randomIds.next('ins'))
    return agreeOnDriver({
      stored: await installation.chooseDriver(settings.sandbox ?? 'docker'),
      asked: settings.sandbox,
      dataDirectory: settings.dataDirectory,
    })
  } finally {
    await client.$disconnect()
  }
}

/** Pure. Throws StartRefused when what is stored is not what is asked for, or is not built. */
export function agreeOnDriver(input: {
  stored: string
  /** Null: nothing in particular. */
  asked: BuiltDriver | null
  dataDirectory: string
}): BuiltDriver {
  const { stored, asked, dataDirectory } = input
  if ((stored === 'docker' || stored === 'process') && (asked === null || asked === stored)) return stored
  const wish = asked === null ? 'which this version does not have' : `but BERTH_SANDBOX=${asked} asks for another`
  throw new StartRefused(
    `The sandboxes of this installation are made by the ${stored} driver, ${wish}. The driver is chosen at the first start and ` +
      `never changed, for its agents' files lie there. ` +
      (asked === null
        ? 'Start the version that made it, or a new installation: name another folder in BERTH_DATA_DIR.'
        : `For a new installation with ${asked}, name another folder than ${dataDirectory} in BERTH_DATA_DIR (and another database, where DATABASE_URL is set); to go on with this one, take BERTH_SANDBOX out.`),
  )
}

/** `project`: the folder whose sources a process sandbox runs. */
export function openDriver(input: {
  kind: BuiltDriver
  settings: Settings
  project: string
  logger: Logger
}): SandboxDriver {
  const { kind, settings, project, logger } = input
  if (kind === 'process') {
    return createProcessDriver({
      root: path.join(settings.dataDirectory, 'sandboxes'),
      project,
      images: { [agentImageName(settings)]: projectEntries(project) },
      machine: machineVariables(),
      extraCaFile: settings.extraCaFile,
      logger,
    })
  }
  return createDockerDriver({
    dockerHost: settings.dockerHost,
    socketRoot: path.join(settings.dataDirectory, 'sockets'),
    logger,
  })
}
