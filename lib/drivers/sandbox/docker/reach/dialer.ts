/** A new connection to a sandbox's bridge, in the way that its container was made for: known from its making, else from its label. */
import type { Duplex } from 'node:stream'
import { BRIDGE_UID } from '../../../../../container/contract/tunnel.ts'
import { dialSocket } from '../../dial-socket.ts'
import type { SandboxLabels } from '../../port.ts'
import type { ContainerEngine } from '../engine/engine.ts'
import { type DockerSandbox, getSandbox } from '../sandboxes.ts'
import { socketPathOf } from '../socket-directory.ts'
import type { Relays } from './relays.ts'

export interface Dialer {
  /** Rejects with `sandbox_lost` when there is no such container, or no bridge in it listens yet. */
  dial(sandbox: SandboxLabels): Promise<Duplex>
  /** Saves the first dial from asking the engine. */
  remember<T extends DockerSandbox>(sandbox: T): T
  /** The container was stopped, or is gone. */
  forget(engineId: string): void
}

export function createDialer(parts: { engine: ContainerEngine; relays: Relays; socketRoot: string }): Dialer {
  const { engine, relays, socketRoot } = parts
  /** By incarnation, which has one container. */
  const known = new Map<string, DockerSandbox>()
  const remember: Dialer['remember'] = (sandbox) => {
    known.set(sandbox.incarnation, sandbox)
    return sandbox
  }
  return {
    remember,
    dial: async (labels) => {
      const sandbox = known.get(labels.incarnation) ?? remember(await getSandbox(engine, labels))
      if (sandbox.reach === 'relay') return relays.dial(sandbox)
      return dialSocket(socketPathOf(socketRoot, labels.incarnation), BRIDGE_UID)
    },
    forget: (engineId) => {
      relays.forget(engineId)
      for (const sandbox of known.values()) if (sandbox.engineId === engineId) known.delete(sandbox.incarnation)
    },
  }
}
