/**
 * A new connection to a sandbox's bridge, in the way that its container was made for: known from its making, else from its label.
 * The socket of one that another control plane made lies in that one's data folder; where this process has no such folder, the
 * way is the relay.
 */
import { access } from 'node:fs/promises'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { BRIDGE_UID, SANDBOX_PATHS } from '../../../../../container/contract/tunnel.ts'
import { dialSocket } from '../../dial-socket.ts'
import type { SandboxLabels } from '../../port.ts'
import type { ContainerEngine } from '../engine/engine.ts'
import { type DockerSandbox, getSandbox } from '../sandboxes.ts'
import type { Relays } from './relays.ts'

export interface Dialer {
  /** Rejects with `sandbox_lost` when there is no such container, or no bridge in it listens yet. */
  dial(sandbox: SandboxLabels): Promise<Duplex>
  /** Saves the first dial from asking the engine. */
  remember<T extends DockerSandbox>(sandbox: T): T
  /** The container was stopped, or is gone. */
  forget(engineId: string): void
}

export function createDialer({ engine, relays }: { engine: ContainerEngine; relays: Relays }): Dialer {
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
      const { reach, socketDirectory } = sandbox
      if (reach === 'relay' || socketDirectory === null || !(await isReachable(socketDirectory)))
        return relays.dial(sandbox)
      return dialSocket(path.join(socketDirectory, path.basename(SANDBOX_PATHS.socket)), BRIDGE_UID)
    },
    forget: (engineId) => {
      relays.forget(engineId)
      for (const sandbox of known.values()) if (sandbox.engineId === engineId) known.delete(sandbox.incarnation)
    },
  }
}

/** False for a folder that is not there, or that another user keeps to itself. */
async function isReachable(directory: string): Promise<boolean> {
  try {
    await access(directory)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String(error.code)))
      return false
    throw error
  }
}
