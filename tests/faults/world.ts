/**
 * Everything a fault can strike: a control plane in a process of its own with its database, an engine, the local forge and the
 * scripted model. Owns: doing the harm, and bringing back what does not come back by itself.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { agentImageName } from '../../lib/composition/agent-image-name.ts'
import { readSettings } from '../../lib/config.ts'
import { findEmbeddedServer, removeEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, listSocketFolders, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import {
  type ControlPlaneProcess,
  findDatabasePid,
  makeToken,
  startControlPlaneProcess,
} from '../support/e2e-process.ts'
import { createContainerStrikes } from './container-strikes.ts'
import { listListeningPorts } from './leftovers.ts'
import { type OwnEngine, startOwnEngine } from './own-engine.ts'
import type { Fault, FaultKind } from './plan.ts'
import { disturbedWork } from './work.ts'

const HEALTHY_MS = 30_000

export interface FaultWorld {
  outside: Outside
  engine: E2eEngine
  /** Of the control plane that lives now. */
  api(): E2eApi
  /** Does the harm as soon as there is something to harm, and brings back what a person or a service manager would. */
  strike(fault: Pick<Fault, 'kind' | 'awayMs'>, agentId: string): Promise<void>
  /** What the control plane that lives now has written. */
  said(): string
  /** TCP ports on which it listens. */
  listeningPorts(): number[]
  /** Rows of the installation's own database. */
  query<T extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<T[]>
  /** What lies around of sockets. */
  socketFolders(): Promise<string[]>
  close(): Promise<void>
}

/** With an engine of its own when that one is to be killed too. */
export async function startFaultWorld({ withOwnEngine }: { withOwnEngine: boolean }): Promise<FaultWorld> {
  await using started = new AsyncDisposableStack()
  const base = await mkdtemp(path.join(os.tmpdir(), 'berth-faults-'))
  started.defer(() => rm(base, { recursive: true, force: true }))
  const dataDirectory = path.join(base, 'data')
  const ordinary = readSettings(process.env).dockerHost
  const image = agentImageName({ agentImage: null })
  const own: OwnEngine | null = withOwnEngine ? await startOwnEngine({ dockerHost: ordinary, image }) : null
  if (own !== null) started.defer(() => own.close())
  const dockerHost = own?.dockerHost ?? ordinary
  const outside = await startOutside({ script: disturbedWork })
  started.defer(() => outside.close())
  const env = {
    ...outside.env,
    BERTH_DATA_DIR: dataDirectory,
    ...(dockerHost === null ? {} : { DOCKER_HOST: dockerHost }),
    // A test that fails leaves its agents up: they must not fall asleep under another one.
    IDLE_SLEEP_AFTER: 'never',
    BERTH_LOG_LEVEL: 'warn',
  }
  let plane: ControlPlaneProcess = await startControlPlaneProcess(env)
  started.defer(() => removeEmbeddedServer(dataDirectory))
  started.defer(async () => void (await plane.stop()))
  const token = await makeToken(env)
  const engine = openE2eEngine({ dockerHost, installationId: null })
  const api = () => createE2eApi({ baseUrl: plane.url, token })
  started.defer(async () => {
    for (const { id } of await api().listAgents()) await api().deleteAgent(id, { purge: true })
  })

  const containers = createContainerStrikes(dockerHost)
  const bringBackLater = async ({ awayMs }: Pick<Fault, 'awayMs'>, bringBack: () => Promise<void>) => {
    // Not to wait for anything: what is away is missed meanwhile.
    await sleep(awayMs)
    await bringBack()
  }
  const strikes: Record<FaultKind, (agentId: string, fault: Pick<Fault, 'awayMs'>) => Promise<void>> = {
    'control plane': async (_agentId, fault) => {
      await plane.kill()
      await bringBackLater(fault, async () => {
        plane = await startControlPlaneProcess(env)
      })
    },
    bridge: containers.killBridge,
    runner: containers.killRunner,
    'container killed': containers.kill,
    'container removed': containers.remove,
    database: async () => {
      const pid = await findDatabasePid(dataDirectory)
      if (pid === null) throw new Error('There is no database to strike.')
      process.kill(pid, 'SIGKILL')
      // What it began before answers for a moment longer.
      await until(`a database after process ${pid}`, async () => (await findDatabasePid(dataDirectory)) !== pid)
      await until('a healthy control plane', () => isHealthy(api()))
    },
    engine: async (_agentId, fault) => {
      if (own === null) throw new Error('Only an engine of the tests may be killed.')
      await own.kill()
      await bringBackLater(fault, () => own.start())
    },
  }
  const everything = started.move()
  return {
    outside,
    engine,
    api,
    strike: (fault, agentId) => strikes[fault.kind](agentId, fault),
    said: () => plane.said(),
    listeningPorts: () => listListeningPorts(plane.pid),
    async query<T extends pg.QueryResultRow>(sql: string, values: unknown[]) {
      const url = await findEmbeddedServer(dataDirectory)
      if (url === null) throw new Error('The database does not answer.')
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      try {
        return (await client.query<T>(sql, values)).rows
      } finally {
        await client.end()
      }
    },
    socketFolders: () => listSocketFolders(dataDirectory),
    close: () => everything.disposeAsync(),
  }
}

/** The control plane brings its database back by itself; until then it answers so. */
async function isHealthy(api: E2eApi): Promise<boolean> {
  const { status, body } = await api.call<{ database?: { reachable: boolean } }>('GET', '/api/health')
  return status === 200 && body.database?.reachable === true
}

async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + HEALTHY_MS
  while (!(await test())) {
    if (performance.now() > deadline) throw new Error(`There was not ${what} within ${HEALTHY_MS / 1_000} s.`)
    await sleep(100)
  }
}
