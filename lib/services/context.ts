/** What every verb of lib/services is given: who asks, and the parts of the product it may use. */

import type { Duplex } from 'node:stream'
import type { TunnelKind } from '../../container/contract/tunnel.ts'
import type { Clock } from '../clock.ts'
import type { Settings } from '../config.ts'
import type { BridgeClient, BridgeTarget } from '../drivers/bridge/port.ts'
import type { Forge } from '../drivers/forge/port.ts'
import type { GenerationRecords, ModelCatalog } from '../drivers/model/port.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import type { Tunnel, TunnelOwner } from '../gateway/ports.ts'
import type { Ids } from '../ids.ts'
import type { Logger } from '../logger.ts'
import type { Announcements, Stores } from '../store/stores.ts'
import type { Holdings } from './agent/holdings.ts'
import type { Supervisor } from './agent/supervisor.ts'
import type { EventHub } from './event/hub.ts'
import type { KeyedQueue } from './event/keyed-queue.ts'
import type { JournalPaces } from './sandbox/journal-paces.ts'
import type { Strays } from './sandbox/strays.ts'

export interface Actor {
  userId: string
  name: string
  email: string
  role: 'owner' | 'member'
}

/** What most verbs need: everything but reaching into a sandbox. */
export interface CoreParts {
  settings: Settings
  /** From the database: what labels and ids of this installation carry. */
  installationId: string
  /** Who this control plane is among several: the owner of its leases. */
  instanceId: string
  /** Name of the agent image. */
  agentImage: string
  clock: Clock
  ids: Ids
  logger: Logger
  stores: Stores
  /** Null where no other control plane can be on the database. */
  announcements: Announcements | null
  /** Which agents this control plane holds. */
  holdings: Holdings
  driver: SandboxDriver
  forge: Forge
  createBridgeClient(target: BridgeTarget): BridgeClient
  hub: EventHub
  /** Changes of one agent's log, one after another. */
  writes: KeyedQueue
  /** How much each sandbox may still say before it is read more slowly. */
  paces: JournalPaces
  modelCatalog: ModelCatalog
  generations: GenerationRecords
}

/** What an agent's worker needs: a tunnel for each sandbox it connects to. */
export interface WorkerParts extends CoreParts {
  attachTunnel(input: { socket: Duplex; kind: TunnelKind; owner: TunnelOwner }): Tunnel
}

/** The real parts, made once by lib/composition and held on globalThis for the bundled routes. */
export interface Parts extends WorkerParts {
  supervisor: Supervisor
  strays: Strays
}

export interface Context {
  actor: Actor
  parts: Parts
}
