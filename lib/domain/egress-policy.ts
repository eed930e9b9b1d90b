/** Which hosts a sandbox may reach: pure rules over names and ports. What an address may be is lib/domain/address.ts. */

export type EgressMode = 'none' | 'allowlist' | 'open'

export interface EgressPolicy {
  mode: EgressMode
  /** `host`, `*.domain` (subdomains, not the domain itself) or `host:port`, lower case. Without a port: 80 and 443. */
  allow: string[]
  /** Hosts that may be reached although their address is private: a company's mirror. Same forms. */
  internalHosts: string[]
}

export const DEFAULT_EGRESS_PORTS = [80, 443]

/** True when one of `patterns` covers host and port. `host` is lower case, without a trailing dot. */
export function matchesHost(patterns: readonly string[], host: string, port: number): boolean {
  return patterns.some((pattern) => {
    const colon = pattern.lastIndexOf(':')
    const name = colon > 0 ? pattern.slice(0, colon) : pattern
    const ports = colon > 0 ? [Number(pattern.slice(colon + 1))] : DEFAULT_EGRESS_PORTS
    if (!ports.includes(port)) return false
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name
  })
}
