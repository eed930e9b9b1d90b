/**
 * Builds the real parts of the control plane and ties them together. The one place that knows every adapter. Made once a
 * process; everything else is given what it needs.
 */
import { systemClock } from '../clock.ts'
import type { Settings } from '../config.ts'
import { createBridgeClient } from '../drivers/bridge/bridge-client.ts'
import { createGitHubForge } from '../drivers/forge/github/github-forge.ts'
import { createOpenRouterCatalog } from '../drivers/model/openrouter/catalog.ts'
import { createOpenRouterGenerations } from '../drivers/model/openrouter/generations.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import type { Network } from '../gateway/egress/destination.ts'
import type { TunnelTimeouts } from '../gateway/tunnel/tunnel-server.ts'
import { createTunnelServer } from '../gateway/tunnel/tunnel-server.ts'
import { randomIds } from '../ids.ts'
import { startJobs } from '../jobs/jobs.ts'
import type { Logger } from '../logger.ts'
import { createHoldings } from '../services/agent/holdings.ts'
import { createSupervisor, type Supervisor } from '../services/agent/supervisor.ts'
import type { CoreParts, Parts, WorkerParts } from '../services/context.ts'
import { hearNews } from '../services/event/hear-news.ts'
import { createEventHub } from '../services/event/hub.ts'
import { createKeyedQueue } from '../services/event/keyed-queue.ts'
import { createModelMeter } from '../services/model-call/meter.ts'
import { createJournalPaces } from '../services/sandbox/journal-paces.ts'
import { createStrays } from '../services/sandbox/strays.ts'
import { openAnnouncements } from '../store/announcements.ts'
import { createPrismaClient } from '../store/client.ts'
import { createStores } from '../store/prisma-stores.ts'
import { agentImageName } from './agent-image-name.ts'
import { createGatewayAccess } from './gateway-access.ts'
import { ensureInstanceId } from './instance-id.ts'
import { routeFetches } from './route-fetches.ts'

export interface RunningParts {
  parts: Parts
  /** Lets go of sandboxes (they go on), stops the jobs, closes the database client. */
  close(): Promise<void>
}

/** Parts that a test puts in the place of the real ones. */
export interface ReplacedParts {
  /** Instead of this machine's way to find the addresses of a name. */
  network?: Network
  /** Instead of the gateways' usual patience. */
  timeouts?: Partial<TunnelTimeouts>
}

/** Makes the parts over a migrated database. */
export async function createParts(
  input: { settings: Settings; databaseUrl: string; driver: SandboxDriver; logger: Logger } & ReplacedParts,
): Promise<RunningParts> {
  const { settings, driver, logger } = input
  const unroute = routeFetches(settings)
  const clock = systemClock
  const ids = randomIds
  const prisma = createPrismaClient(input.databaseUrl)
  const stores = createStores(prisma)
  const installation = await stores.installation.ensure(ids.next('ins'))
  const agentImage = agentImageName(settings)
  const instanceId = await ensureInstanceId(settings.dataDirectory)
  const hub = createEventHub()
  let supervisorOf: Supervisor | null = null
  // The embedded database is this process's alone.
  const announcements =
    settings.databaseUrl === null
      ? null
      : await openAnnouncements({
          url: settings.databaseUrl,
          from: instanceId,
          onNews: (news) => void hearNews({ news, stores, hub, logger, supervisor: supervisorOf }),
          onLost: (error) => logger.warn('news of other control planes may have been missed', { error }),
        })
  const core: CoreParts = {
    settings,
    installationId: installation.id,
    instanceId,
    agentImage,
    clock,
    ids,
    logger,
    stores,
    announcements,
    holdings: createHoldings({ leases: stores.leases, owner: instanceId }),
    driver,
    forge: createGitHubForge({ apiUrl: settings.github.apiUrl, token: settings.github.token }),
    createBridgeClient,
    hub,
    writes: createKeyedQueue(),
    paces: createJournalPaces({ clock }),
    modelCatalog: createOpenRouterCatalog({ baseUrl: settings.openrouter.baseUrl, logger, clock }),
    generations: createOpenRouterGenerations(settings.openrouter),
  }
  const modelMeter = createModelMeter(core)
  const tunnels = createTunnelServer({
    access: createGatewayAccess(core, modelMeter.access),
    proxy: settings.egress.proxy,
    logger,
    clock,
    ...(input.network === undefined ? {} : { network: input.network }),
    ...(input.timeouts === undefined ? {} : { timeouts: input.timeouts }),
  })
  const worker: WorkerParts = { ...core, attachTunnel: tunnels.attach }
  const supervisor = createSupervisor(worker)
  supervisorOf = supervisor
  const parts: Parts = { ...worker, supervisor, strays: createStrays({ ...worker, supervisor }) }
  const jobs = await startJobs(parts, modelMeter)
  return {
    parts,
    async close() {
      await jobs.stop()
      await supervisor.close()
      await tunnels.close()
      await driver.close()
      await announcements?.close()
      await prisma.$disconnect()
      unroute()
    },
  }
}
