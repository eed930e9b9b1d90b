/**
 * Where a sandbox's connection goes: its name judged, its addresses found and judged, and those very addresses handed on to be
 * dialled. Owns: the decision. Must not know: HTTP, TLS, how a refusal is shown.
 */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { AddressClass } from '../../domain/address.ts'
import { classifyAddress, isSameAddress } from '../../domain/address.ts'
import type { CompanyProxy } from '../../domain/company-proxy.ts'
import { findProxy } from '../../domain/company-proxy.ts'
import type { EgressPolicy, EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import { isListed, matchesHost, refuseByName, writeEntry, writeTarget } from '../../domain/egress-policy.ts'
import { describeFailure } from '../upstream.ts'
import { createNameLookup } from './name-lookup.ts'

/** Either addresses that were judged, or the company's proxy, which takes it by name. */
export type Destination = EgressTarget &
  ({ addresses: string[]; proxyUrl: null } | { addresses: null; proxyUrl: string })

/** Found out, but no rule: the name does not resolve. No refusal is recorded for it. */
export interface Unresolved {
  unresolved: string
}

export interface LookupOptions {
  /** A person wrote this name: whatever ways this machine has to find it are used, however long they take. */
  isInternal: boolean
  signal: AbortSignal
}

export interface Network {
  /** Every address of a name. Rejects when there is none. */
  resolve(host: string, options: LookupOptions): Promise<string[]>
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
  protocol: 'http:' | 'https:'
  policy: EgressPolicy
  network: Network
  proxy: CompanyProxy
  timeoutMs: number
  signal: AbortSignal
}

/** Behind a proxy a machine often cannot find names of the world at all. */
const PROXIED_LOOKUP_MS = 2_000
/** What an internal host may be; a metadata service, for one, it may not. */
const INTERNAL_CLASSES: readonly AddressClass[] = ['public', 'private', 'loopback', 'shared']

/**
 * All addresses of a name have to be allowed, not only the one that is dialled: a name that also points inside is not to be
 * trusted. Internal hosts go past the company's proxy. Through it a name goes unresolved, except one that nobody listed: where
 * this machine finds that at an address it may not reach, neither may the proxy.
 */
export async function findDestination(query: DestinationQuery): Promise<Destination | EgressRefusal | Unresolved> {
  const { target, policy } = query
  const refusal = refuseByName(policy, target)
  if (refusal !== null) return refusal
  const isInternal = matchesHost(policy.internalHosts, target.host, target.port)
  const isLiteral = isIP(target.host) !== 0
  const proxyUrl = isInternal ? null : findEgressProxy(query)
  if (proxyUrl !== null && !isLiteral && isListed(policy, target)) return { ...target, addresses: null, proxyUrl }
  const addresses = isLiteral ? [target.host] : await resolveInTime(query, { isInternal, proxyUrl })
  if ('unresolved' in addresses) return proxyUrl === null ? addresses : { ...target, addresses: null, proxyUrl }
  const ownAddresses = query.network.ownAddresses()
  for (const address of addresses) {
    const bad = refuseAddress({ address, ownAddresses, target, isInternal })
    if (bad !== null) return bad
  }
  return proxyUrl === null ? { ...target, addresses, proxyUrl } : { ...target, addresses: null, proxyUrl }
}

/** Where only HTTPS_PROXY is set there is no other way out for plain http either. */
function findEgressProxy({ proxy, protocol, target }: DestinationQuery): string | null {
  return findProxy({ ...proxy, http: proxy.http ?? proxy.https }, protocol, target)
}

interface JudgedAddress {
  address: string
  ownAddresses: string[]
  target: EgressTarget
  isInternal: boolean
}

function refuseAddress({ address, ownAddresses, target, isInternal }: JudgedAddress): EgressRefusal | null {
  const kind = classifyAddress(address)
  const isOwn = ownAddresses.some((own) => isSameAddress(own, address))
  const mayBeInternal = INTERNAL_CLASSES.includes(kind)
  if (isInternal ? mayBeInternal : kind === 'public' && !isOwn) return null
  const what = isOwn ? "the control plane's own machine" : `a ${kind.replace('_', '-')} address`
  return {
    rule: isOwn ? 'address_own' : `address_${kind}`,
    reason: `${writeTarget(target)} leads to ${address}, ${what}`,
    cure: mayBeInternal
      ? `if sandboxes may reach it, add "${writeEntry(target)}" to BERTH_EGRESS_INTERNAL_HOSTS`
      : 'give the host another address: this one is open to no sandbox',
  }
}

async function resolveInTime(
  query: DestinationQuery,
  { isInternal, proxyUrl }: { isInternal: boolean; proxyUrl: string | null },
): Promise<string[] | Unresolved> {
  const { network, target } = query
  const timeoutMs = proxyUrl === null ? query.timeoutMs : Math.min(query.timeoutMs, PROXIED_LOOKUP_MS)
  const late = AbortSignal.timeout(timeoutMs)
  const signal = AbortSignal.any([query.signal, late])
  try {
    const addresses = await Promise.race([network.resolve(target.host, { isInternal, signal }), rejectOnAbort(signal)])
    return addresses.length > 0 ? addresses : { unresolved: 'the name has no address' }
  } catch (error) {
    if (late.aborted) return { unresolved: `the name did not resolve within ${timeoutMs} ms` }
    return { unresolved: `the name does not resolve (${describeFailure(error)})` }
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
