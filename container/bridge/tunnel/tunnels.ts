/**
 * The two tunnel connections and who may bring them. Owns: fences (the lease number of the control plane that dials; an older
 * one has lost its right to). Must not know: the upgrade's HTTP, what is asked on a stream.
 */
import type { Duplex } from 'node:stream'
import type { Logger } from '../../../lib/logger.ts'
import type { TunnelKind } from '../../contract/tunnel.ts'
import { createTunnelLink, type TunnelLink } from './tunnel-link.ts'

export interface Tunnels {
  readonly control: TunnelLink
  readonly egress: TunnelLink
  /** The highest fence that was seen; 0 before the first. */
  readonly fence: number
  /** False when a control plane with a higher fence was here: the socket is the caller's to refuse. */
  admits(fence: number): boolean
  /** Takes the socket as this kind of tunnel, in the place of the one before. Ask `admits` first. */
  attach(input: { kind: TunnelKind; fence: number; socket: Duplex }): void
  close(): void
}

export function createTunnels({ logger }: { logger: Logger }): Tunnels {
  const links: Record<TunnelKind, TunnelLink> = {
    control: createTunnelLink({ kind: 'control', logger }),
    egress: createTunnelLink({ kind: 'egress', logger }),
  }
  let highest = 0

  return {
    control: links.control,
    egress: links.egress,
    get fence() {
      return highest
    },
    admits: (fence) => fence >= highest,
    attach({ kind, fence, socket }) {
      if (fence > highest) {
        highest = fence
        links[kind === 'control' ? 'egress' : 'control'].detach(`it belongs to a fence older than ${fence}`)
      }
      links[kind].attach(socket)
    },
    close() {
      links.control.close()
      links.egress.close()
    },
  }
}
