/**
 * Where a sandbox's connection goes: its name judged, its addresses found and judged, and those very addresses handed on to be
 * dialled. Owns: the decision. Must not know: HTTP, TLS, how a refusal is shown.
 */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { classifyAddress, isSameAddress } from '../../domain/address.ts'
import type { EgressPolicy, EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import { matchesHost, refuseByName, writeTarget } from '../../domain/egress-policy.ts'
import { createNameLookup } from './name-lookup.ts'

/** `addresses` null: not resolved here, the company proxy takes it by name. */
export interface Destination extends EgressTarget {
  addresses: string[] | null
}

/** Found out, but no rule: the name does not resolve. No refusal is recorded for it. */
export interface Unresolved {
  unresolved: string
}

export interface Network {
  /** Every address of a name. Rejects when there is none. */
  resolve(host: string): Promise<string[]>
  /** This machine's own addresses. */
  ownAddresses(): string[]
}

export function createSystemNetwork(): Network {
  return {
    resolve: createNameLookup(),
    ownAddresses: () =>
      Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
  }
}

export interface DestinationQuery {
  target: EgressTarget
  policy: EgressPolicy
  network: Network
  behindProxy: boolean
  timeoutMs: number
}

/**
 * All addresses of a name have to be allowed, not only the one that is dialled: a name that also points inside is not to be
 * trusted. Internal hosts are exempt from the rules on addresses and are dialled directly.
 */
export async function findDestination(query: DestinationQuery): Promise<Destination | EgressRefusal | Unresolved> {
  const { target, policy, network } = query
  const refusal = refuseByName(policy, target)
  if (refusal !== null) return refusal
  const isInternal = matchesHost(policy.internalHosts, target.host, target.port)
  const isLiteral = isIP(target.host) !== 0
  if (query.behindProxy && !isInternal && !isLiteral) return { ...target, addresses: null }
  const addresses = isLiteral ? [target.host] : await resolveInTime(network, target.host, query.timeoutMs)
  if ('unresolved' in addresses) return addresses
  if (isInternal) return { ...target, addresses }
  const ownAddresses = network.ownAddresses()
  for (const address of addresses) {
    const bad = refuseAddress(address, ownAddresses, target)
    if (bad !== null) return bad
  }
  return { ...target, addresses: query.behindProxy ? null : addresses }
}

function refuseAddress(address: string, ownAddresses: string[], target: EgressTarget): EgressRefusal | null {
  const kind = ownAddresses.some((own) => isSameAddress(own, address)) ? 'own' : classifyAddress(address)
  if (kind === 'public') return null
  const what = kind === 'own' ? "the control plane's own machine" : `a ${kind.replace('_', '-')} address`
  return {
    rule: `address_${kind}`,
    reason: `${writeTarget(target)} leads to ${address}, ${what}`,
    cure: `if sandboxes may reach it, add "${target.host}" to BERTH_EGRESS_INTERNAL_HOSTS`,
  }
}

async function resolveInTime(network: Network, host: string, timeoutMs: number): Promise<string[] | Unresolved> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Unresolved>((resolve) => {
    timer = setTimeout(() => resolve({ unresolved: `the name did not resolve within ${timeoutMs} ms` }), timeoutMs)
  })
  const found = network.resolve(host).then(
    (addresses) => (addresses.length > 0 ? addresses : { unresolved: 'the name has no address' }),
    (error: unknown) => ({ unresolved: `the name does not resolve (${describeLookupFailure(error)})` }),
  )
  const first = await Promise.race([found, late])
  clearTimeout(timer)
  return first
}

function describeLookupFailure(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
