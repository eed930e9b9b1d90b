/** What a short command (`npm run token`, `npm run user`) needs of an installation, whether that is running or not. */
import { type Clock, systemClock } from '../clock.ts'
import type { Settings } from '../config.ts'
import { type Ids, randomIds } from '../ids.ts'
import { createPrismaClient } from '../store/client.ts'
import { findEmbeddedServer } from '../store/embedded/server.ts'
import { createStores } from '../store/prisma-stores.ts'
import type { Stores } from '../store/stores.ts'
import { openDatabase } from './database.ts'
import { takeCommandTurn } from './instance-lock.ts'
import { trustExtraCa } from './trust-extra-ca.ts'

export interface CommandParts {
  stores: Stores
  ids: Ids
  clock: Clock
  /** Where the installation is, or will be when it is started. */
  baseUrl: string
}

/** A control plane that starts may be building its image first, but opens its database within seconds. */
const TURN_TIMEOUT_MS = 120_000
/** Somebody sits and waits: a server that is away is told soon. */
const DATABASE_WAIT_MS = 5_000

/** Runs `work` over the installation's database. An embedded server that was down is started for it, and stopped again. */
export async function runCommand<T>(settings: Settings, work: (parts: CommandParts) => Promise<T>): Promise<T> {
  const turn = await takeCommandTurn(settings.dataDirectory, AbortSignal.timeout(TURN_TIMEOUT_MS))
  await using opened = new AsyncDisposableStack()
  if (turn.kind === 'alone') opened.defer(turn.release)
  const running = turn.kind === 'beside' && settings.databaseUrl === null ? await findRunning(settings) : null
  let url = running
  if (url === null) {
    trustExtraCa(settings.extraCaFile)
    const database = await openDatabase(settings, { waitMs: DATABASE_WAIT_MS })
    opened.defer(database.close)
    url = database.url
  }
  const client = createPrismaClient(url)
  opened.defer(() => client.$disconnect())
  const baseUrl = settings.publicUrl ?? (turn.kind === 'beside' ? turn.url : null) ?? plannedUrl(settings)
  return await work({ stores: createStores(client), ids: randomIds, clock: systemClock, baseUrl })
}

async function findRunning(settings: Settings): Promise<string> {
  const url = await findEmbeddedServer(settings.dataDirectory)
  if (url === null)
    throw new Error(`Berth runs on ${settings.dataDirectory}, but its database does not answer. Start it again.`)
  return url
}

const plannedUrl = ({ host, port }: Settings) => `http://${host === '0.0.0.0' ? 'localhost' : host}:${port}`
