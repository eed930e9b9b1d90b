/**
 * Which agents this control plane holds, by their leases: only the holder dials, starts, stops, removes and stores what comes
 * from a sandbox. Owns: the fencing number of each, and noticing that one is lost. Must not know: what is done with an agent.
 */
import { leaseLost } from '../../errors.ts'
import type { Holder, LeaseStore } from '../../store/stores.ts'

/** How long a lease lasts without being renewed: after a crash, the time until another control plane may take over. */
export const LEASE_MS = 30_000

export interface Holdings {
  /** The lease's fencing number, or null while another control plane holds the agent. */
  acquire(agentId: string): Promise<number | null>
  /** As far as is known here: another control plane may have taken it over since. */
  holds(agentId: string): boolean
  /** For a write of the holder. Throws what `isLeaseLost` (lib/errors) knows when this control plane does not hold the agent. */
  holderOf(agentId: string): Holder
  /** Extends all of them. Answers with the agents that are held no more: somebody took them over. */
  renew(): Promise<string[]>
  release(agentId: string): Promise<void>
}

export function createHoldings(parts: { leases: LeaseStore; owner: string }): Holdings {
  const { leases, owner } = parts
  const fences = new Map<string, number>()
  return {
    async acquire(agentId) {
      const held = fences.get(agentId) ?? null
      const fence = await leases.acquire({ agentId, owner, held, leaseMs: LEASE_MS })
      if (fence === null) fences.delete(agentId)
      else fences.set(agentId, fence)
      return fence
    },
    holds: (agentId) => fences.has(agentId),
    holderOf(agentId) {
      const fence = fences.get(agentId)
      if (fence === undefined) throw leaseLost(agentId)
      return { owner, fence }
    },
    async renew() {
      const before = [...fences.keys()]
      const held = new Set(await leases.renew(owner, LEASE_MS))
      const lost = before.filter((agentId) => !held.has(agentId) && fences.has(agentId))
      for (const agentId of lost) fences.delete(agentId)
      return lost
    },
    async release(agentId) {
      fences.delete(agentId)
      await leases.release(agentId, owner)
    },
  }
}
