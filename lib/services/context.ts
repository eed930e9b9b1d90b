/** What every verb of lib/services is given: who asks, and the parts of the product it may use. */

import type { Duplex } from 'node:stream'
import type { TunnelKind } from '../../container/contract/tunnel.ts'
import type { Clock } from '../clock.ts'
import type { Settings } from '../config.ts'
import type { BridgeClient, BridgeTarget } from '../drivers/bridge/port.ts'
import type { Forge } from '../drivers/forge/port.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import type { Tunnel, TunnelOwner } from '../gateway/ports.ts'
import type { Ids } from '../ids.ts'
import type { Logger } from '../logger.ts'
import type { Stores } from '../store/stores.ts'
import type { EventHub } from './event/hub.ts'
import type { SandboxConnections } from './sandbox/connections.ts'

export interface Actor {
  userId: string
  name: string
  email: string
  role: 'owner' | 'member'
}

/** The real parts, made once by lib/composition and held on globalThis for the bundled routes. */
export interface Parts {
  settings: Settings
  /** From the database: what labels and ids of this installation carry. */
  installationId: string
  clock: Clock
  ids: Ids
  logger: Logger
  stores: Stores
  driver: SandboxDriver
  forge: Forge
  createBridgeClient(target: BridgeTarget): BridgeClient
  attachTunnel(input: { socket: Duplex; kind: TunnelKind; owner: TunnelOwner }): Tunnel
  hub: EventHub
  connections: SandboxConnections
}

export interface Context {
  actor: Actor
  parts: Parts
}
