/**
 * The services over a real database, with a fake engine and a fake bridge: the control plane without the outside. A second
 * `boot` on the same one is what a restart after kill -9 is: nothing of the first is closed or told.
 */
import { systemClock } from '../../lib/clock.ts'
import { readSettings, type Settings } from '../../lib/config.ts'
import type { StoredEvent } from '../../lib/domain/agent.ts'
import type { Forge, PullRequest } from '../../lib/drivers/forge/port.ts'
import type { Sandbox } from '../../lib/drivers/sandbox/port.ts'
import { randomIds } from '../../lib/ids.ts'
import { silentLogger } from '../../lib/logger.ts'
import { createHoldings } from '../../lib/services/agent/holdings.ts'
import { createSupervisor, type Supervisor } from '../../lib/services/agent/supervisor.ts'
import type { Context, Parts, WorkerParts } from '../../lib/services/context.ts'
import { hearNews } from '../../lib/services/event/hear-news.ts'
import { createEventHub, type HubMessage } from '../../lib/services/event/hub.ts'
import { createKeyedQueue } from '../../lib/services/event/keyed-queue.ts'
import { createJournalPaces } from '../../lib/services/sandbox/journal-paces.ts'
import { createStrays } from '../../lib/services/sandbox/strays.ts'
import { openAnnouncements } from '../../lib/store/announcements.ts'
import { createPrismaClient } from '../../lib/store/client.ts'
import { createStores } from '../../lib/store/prisma-stores.ts'
import { createTestDatabase } from './database.ts'
import { createFakeBridge, type FakeBridge } from './fake-bridge.ts'
import { createFakeSandboxDriver, type FakeSandboxDriver, type FakeSandboxOptions } from './fake-sandbox-driver.ts'

export interface FakeForge extends Forge {
  pullRequests: (PullRequest & { head: string; base: string; body: string })[]
  branches: Map<string, { sha: string; protected: boolean }>
  authenticated: boolean
}

export interface ControlPlane {
  databaseUrl: string
  parts: Parts
  ctx: Context
  driver: FakeSandboxDriver
  bridge: FakeBridge
  forge: FakeForge
  /**
   * A new control plane over the same database, engine and bridge, as after kill -9; with another `instanceId` one that runs
   * beside the first. Closed with the others.
   */
  boot(instanceId?: string): Promise<Parts>
  /** As if the agent's sandbox had written so much into the log since its run was asked for. */
  forgeJournalBytes(agentId: string, bytes: number): Promise<void>
  /** A context of another person. */
  as(email: string): Promise<Context>
  /** The agent's log from its beginning, of a longer one the first thousand; of these the ones of `type`, where one is named. */
  events(agentId: string, type?: string): Promise<StoredEvent[]>
  /** What the engine has of the agent. */
  containers(agentId: string): Promise<Sandbox[]>
  /** Wakes the agent's worker in the first control plane, and resolves when it has nothing left to do. */
  settle(agentId: string): Promise<void>
  /** Resolves with the first message, past or coming, that fits: news of what is stored. */
  until(agentId: string, test: (event: { type: string; data: Record<string, unknown> }) => boolean): Promise<void>
  /** Resolves when the agent has no open run and its status is one that stays. */
  untilAtRest(agentId: string): Promise<void>
  close(): Promise<void>
}

export const testSettings: Settings = {
  ...readSettings({ OPENROUTER_API_KEY: 'sk-or-test', GITHUB_TOKEN: 'ghp_test' }, '/nowhere'),
  secretKey: 's'.repeat(64),
  sessionSecret: 'n'.repeat(64),
}

export async function startControlPlane(
  settings: Partial<Settings> = {},
  sandboxes: FakeSandboxOptions = {},
  replaced: Partial<Pick<WorkerParts, 'paces' | 'clock'>> = {},
): Promise<ControlPlane> {
  const database = await createTestDatabase()
  const driver = createFakeSandboxDriver(sandboxes)
  const bridge = createFakeBridge()
  const forge = createFakeForge()
  const closers: (() => Promise<void>)[] = []
  const planes: Parts[] = []

  const boot = async (instanceId = 'own_test'): Promise<Parts> => {
    const prisma = createPrismaClient(database.url)
    const stores = createStores(prisma)
    let supervisorOf: Supervisor | null = null
    const hub = createEventHub()
    const announcements = await openAnnouncements({
      url: database.url,
      from: instanceId,
      onNews: (news) => void hearNews({ news, stores, hub, logger: silentLogger, supervisor: supervisorOf }),
      onLost: () => {},
    })
    const worker: WorkerParts = {
      settings: { ...testSettings, ...settings },
      installationId: 'ins_test',
      instanceId,
      agentImage: 'berth-agent:test',
      clock: systemClock,
      ids: randomIds,
      logger: silentLogger,
      stores,
      announcements,
      holdings: createHoldings({ leases: stores.leases, owner: instanceId }),
      driver,
      forge,
      createBridgeClient: () => bridge.connect(),
      attachTunnel({ socket }) {
        const closed = new Promise<void>((resolve) => socket.once('close', resolve))
        return { closed, close: () => socket.destroy() }
      },
      hub,
      writes: createKeyedQueue(),
      paces: createJournalPaces({ clock: systemClock }),
      modelCatalog: { list: async () => null, find: async () => null },
      generations: { find: async () => null },
      ...replaced,
    }
    const supervisor = createSupervisor(worker)
    supervisorOf = supervisor
    closers.push(async () => {
      await supervisor.close()
      await announcements.close()
      await prisma.$disconnect()
    })
    const parts = { ...worker, supervisor, strays: createStrays({ ...worker, supervisor }) }
    planes.push(parts)
    return parts
  }

  const parts = await boot()
  const as = async (email: string): Promise<Context> => {
    const user =
      (await parts.stores.users.findByEmail(email)) ??
      (await parts.stores.users.create({ id: randomIds.next('usr'), email, name: email, role: 'member' }))
    return { actor: { userId: user.id, name: user.name, email, role: user.role }, parts }
  }

  return {
    databaseUrl: database.url,
    parts,
    ctx: await as('ada@example.com'),
    driver,
    bridge,
    forge,
    boot,
    async forgeJournalBytes(agentId, journalBytes) {
      const prisma = createPrismaClient(database.url)
      await prisma.agent.update({ where: { id: agentId }, data: { journalBytes } })
      await prisma.$disconnect()
    },
    as,
    async events(agentId, type) {
      const events = await parts.stores.events.listAfter({ agentId, after: 0, limit: 1_000 })
      return type === undefined ? events : events.filter((event) => event.type === type)
    },
    containers: (agentId) => driver.list({ installationId: parts.installationId, agentId }),
    settle: (agentId) => parts.supervisor.settle(agentId),
    until: (agentId, test) => untilEvent(planes, agentId, test),
    untilAtRest: (agentId) => untilAtRest(planes, agentId),
    async close() {
      for (const close of closers) await close()
      await database.close()
    },
  }
}

/** Asks `test` now and after every news of the agent, from whichever control plane, until it says yes. */
async function untilTrue(planes: Parts[], agentId: string, test: () => Promise<boolean>): Promise<void> {
  let news = Promise.withResolvers<void>()
  const listener = (message: HubMessage) => {
    if (message.agentId === agentId) news.resolve()
  }
  const leave = planes.map((parts) => parts.hub.subscribe(listener))
  try {
    for (;;) {
      news = Promise.withResolvers<void>()
      if (await test()) return
      await news.promise
    }
  } finally {
    for (const unsubscribe of leave) unsubscribe()
  }
}

function untilEvent(
  planes: Parts[],
  agentId: string,
  test: (event: { type: string; data: Record<string, unknown> }) => boolean,
): Promise<void> {
  return untilTrue(planes, agentId, async () => {
    const events = await planes[0]?.stores.events.listAfter({ agentId, after: 0, limit: 1_000 })
    return events?.some(test) ?? false
  })
}

function untilAtRest(planes: Parts[], agentId: string): Promise<void> {
  const resting = ['IDLE', 'READY', 'FAILED']
  return untilTrue(planes, agentId, async () => {
    const agent = await planes[0]?.stores.agents.find(agentId)
    const run = await planes[0]?.stores.runs.findOpen(agentId)
    return agent !== null && agent !== undefined && resting.includes(agent.status) && run === null
  })
}

function createFakeForge(): FakeForge {
  const forge: FakeForge = {
    authenticated: true,
    pullRequests: [],
    branches: new Map([['main', { sha: 'a'.repeat(40), protected: true }]]),
    getRepository: async (fullName) => ({
      fullName,
      defaultBranch: 'main',
      private: false,
      canPush: true,
      empty: false,
    }),
    async findBranch(_repository, name) {
      const branch = forge.branches.get(name)
      return branch ? { name, ...branch } : null
    },
    findOpenPullRequest: async ({ head, base }) =>
      forge.pullRequests.find((pr) => pr.head === head && pr.base === base && pr.state === 'open') ?? null,
    async openPullRequest({ head, base, title, body }) {
      const number = forge.pullRequests.length + 1
      const url = `https://forge.example/pull/${number}`
      const opened = { number, url, title, body, head, base, state: 'open' as const, headSha: 'c'.repeat(40) }
      forge.pullRequests.push(opened)
      return opened
    },
    async updatePullRequest({ number, body }) {
      const known = forge.pullRequests.find((pr) => pr.number === number)
      if (!known) throw new Error(`no pull request ${number}`)
      if (body !== undefined) known.body = body
      return known
    },
  }
  return forge
}
