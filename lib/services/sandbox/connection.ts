/** A live connection to one incarnation's bridge: its client, both tunnels, and its journal being read into the log. */
import { createHash, createHmac } from 'node:crypto'
import type { BridgeHealth } from '../../../container/contract/bridge.ts'
import type { TunnelKind } from '../../../container/contract/tunnel.ts'
import type { BridgeClient } from '../../drivers/bridge/port.ts'
import { BerthError } from '../../errors.ts'
import type { Parts, WorkerParts } from '../context.ts'
import { followJournal } from './follow-journal.ts'

export const BRIDGE_DEADLINE_MS = 15_000

export interface SandboxConnection {
  incarnation: string
  client: BridgeClient
  /** As it was when the connection was made. */
  health: BridgeHealth
  /** The workspace holds its clone. Set by who makes it: a clone can be given up while the connection lasts. */
  cloned: boolean
  /** Position of the last waiting words that its run was told of. */
  told: number
  /** Resolves when the journal is stored up to what the bridge had when the connection was made. */
  caughtUp(): Promise<void>
  /** Resolves when the journal is stored up to what the bridge has now. */
  catchUp(): Promise<void>
  /** Settles when the connection is gone, for whatever reason. Never rejects. */
  closed: Promise<void>
  close(): Promise<void>
}

/** The bearer token of an incarnation: derived, so that a control plane that starts again can reach what it left. */
export function bridgeToken(secretKey: string, agentId: string, incarnation: string): string {
  return createHmac('sha256', secretKey).update(`bridge:${agentId}:${incarnation}`).digest('base64url')
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

export function requireSecretKey(parts: Pick<Parts, 'settings'>): string {
  if (parts.settings.secretKey === null) throw new BerthError('internal', 'The secret key was not made.')
  return parts.settings.secretKey
}

/** Connects to a sandbox that runs. Throws when the bridge does not answer within its deadline. */
export async function connectSandbox(input: {
  parts: WorkerParts
  agentId: string
  ownerId: string
  incarnation: string
  fence: number
  signal: AbortSignal
  onRunEnded: () => void
}): Promise<SandboxConnection> {
  const { parts, agentId, incarnation, fence, signal } = input
  const labels = { installationId: parts.installationId, agentId, incarnation }
  const client = parts.createBridgeClient({
    dial: () => parts.driver.dial(labels),
    token: bridgeToken(requireSecretKey(parts), agentId, incarnation),
  })
  const health = await client.waitUntilReady(BRIDGE_DEADLINE_MS, signal)
  const openTunnel = async (kind: TunnelKind) =>
    parts.attachTunnel({ socket: await client.openTunnel(kind, fence, signal), kind, owner: { agentId, incarnation } })
  const tunnels = [await openTunnel('control')]
  try {
    tunnels.push(await openTunnel('egress'))
  } catch (error) {
    for (const tunnel of tunnels) tunnel.close()
    throw error
  }
  const ending = new AbortController()
  const follower = followJournal({
    parts,
    agentId,
    ownerId: input.ownerId,
    client,
    signal: ending.signal,
    onRunEnded: input.onRunEnded,
  })
  const end = () => {
    ending.abort()
    for (const tunnel of tunnels) tunnel.close()
  }
  const closed = Promise.race([follower.ended, ...tunnels.map((tunnel) => tunnel.closed)]).then(async () => {
    end()
    await follower.ended
  })
  return {
    incarnation,
    client,
    health,
    cloned: health.workspace.cloned,
    told: 0,
    caughtUp: () => follower.caughtUp(health.journalId, health.lastN),
    async catchUp() {
      const now = await client.health()
      await follower.caughtUp(now.journalId, now.lastN)
    },
    closed,
    async close() {
      end()
      await closed
    },
  }
}
