/** Which hosts a sandbox may reach: pure rules over names and ports. What an address may be is lib/domain/address.ts. */
import { isIPv4, isIPv6 } from 'node:net'

export type EgressMode = 'none' | 'allowlist' | 'open'

export interface EgressPolicy {
  mode: EgressMode
  /** `host`, `*.domain` (subdomains, not the domain itself) or `host:port`, lower case. Without a port: 80 and 443. */
  allow: string[]
  /** Hosts that may be reached like those in `allow`, and at a private address too: a company's mirror. Same forms. */
  internalHosts: string[]
}

export const HTTPS_PORT = 443
export const DEFAULT_EGRESS_PORTS = [80, HTTPS_PORT]

/** Why a sandbox may not reach something. `rule` is stable; `cure` is what a person (or the model) can do about it. */
export interface EgressRefusal {
  rule: string
  reason: string
  cure: string
}

export interface EgressTarget {
  /** Lower case, no trailing dot; an IPv6 address without its brackets. */
  host: string
  port: number
}

/** True when one of `patterns` covers host and port. `host` is lower case, without a trailing dot. */
export function matchesHost(patterns: readonly string[], host: string, port: number): boolean {
  return patterns.some((pattern) => {
    const { name, ports } = splitPattern(pattern)
    if (!ports.includes(port)) return false
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : host === name
  })
}

/**
 * Reads an `:authority` or the target of a CONNECT. `defaultPort` null: the port has to be given. Numbers that some resolvers
 * take for IPv4 (decimal, octal, hexadecimal, short forms) are refused: only four decimal numbers are an address here.
 */
export function parseEgressTarget(authority: string, defaultPort: number | null): EgressTarget | EgressRefusal {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^[\]:@/?#]+)(?::(\d{1,5}))?$/.exec(authority)
  if (match?.[1] === undefined) return invalidHost(authority, 'is not of the form host:port')
  const port = match[2] === undefined ? defaultPort : Number(match[2])
  if (port === null || port < 1 || port > 65_535) return invalidHost(authority, 'has no port between 1 and 65535')
  if (match[1].startsWith('[')) {
    const address = match[1].slice(1, -1).toLowerCase()
    return isIPv6(address) ? { host: address, port } : invalidHost(authority, 'is not an IPv6 address')
  }
  const host = match[1].toLowerCase().replace(/\.$/, '')
  if (isIPv4(host)) return { host, port }
  if (isNumericHost(host)) return invalidHost(authority, 'is a number, not a name: an address is four decimal numbers')
  return isHostName(host)
    ? { host, port }
    : invalidHost(authority, 'is not a host name (ASCII letters, digits, - and .)')
}

export function isRefusal(value: EgressTarget | EgressRefusal): value is EgressRefusal {
  return 'rule' in value
}

/** The words of a refusal for whoever was refused: which host by which rule, and what would allow it. */
export function writeRefusal({ reason, cure }: EgressRefusal): string {
  return `${reason}. To allow it: ${cure}.`
}

/** What the names alone say; null when they allow it. The address is checked after this, where it is dialled. */
export function refuseByName(policy: EgressPolicy, { host, port }: EgressTarget): EgressRefusal | null {
  const entry = writeEntry({ host, port })
  if (policy.mode === 'none') {
    return {
      rule: 'mode_none',
      reason: `egress is off for this agent, so ${writeTarget({ host, port })} cannot be reached`,
      cure: `set the agent's egress.mode to "allowlist" and add "${entry}" to its egress.allow`,
    }
  }
  if (isListed(policy, { host, port })) return null
  if (policy.mode === 'allowlist') {
    return {
      rule: 'not_on_allowlist',
      reason: `${writeTarget({ host, port })} is not on the allow-list of this agent`,
      cure: writeListCure(entry),
    }
  }
  if (DEFAULT_EGRESS_PORTS.includes(port)) return null
  return {
    rule: 'port_not_allowed',
    reason: `port ${port} of ${host} is not open: without an entry of its own a host is reached on ports ${DEFAULT_EGRESS_PORTS.join(' and ')}`,
    cure: writeListCure(entry),
  }
}

/** True when a person listed the host, by whatever variable or field: it is no name that a sandbox made up. */
export function isListed(policy: EgressPolicy, { host, port }: EgressTarget): boolean {
  return matchesHost([...policy.allow, ...policy.internalHosts], host, port)
}

export function writeListCure(entry: string): string {
  return `add "${entry}" to the agent's egress.allow, or to BERTH_EGRESS_ALLOW for all agents`
}

export function writeTarget({ host, port }: EgressTarget): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** The list entry that would cover a target. */
export function writeEntry({ host, port }: EgressTarget): string {
  return DEFAULT_EGRESS_PORTS.includes(port) ? host : writeTarget({ host, port })
}

function splitPattern(pattern: string): { name: string; ports: readonly number[] } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(pattern) ?? []
  const name = bracketed ?? plain ?? pattern
  if (port === undefined) return { name, ports: DEFAULT_EGRESS_PORTS }
  return { name, ports: [Number(port)] }
}

/** WHATWG URL's "ends in a number": resolvers read such names as IPv4 addresses. */
function isNumericHost(host: string): boolean {
  return /^(\d+|0x[0-9a-f]*)$/.test(host.split('.').at(-1) ?? '')
}

function isHostName(host: string): boolean {
  return host.length <= 253 && host.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
}

function invalidHost(authority: string, why: string): EgressRefusal {
  return {
    rule: 'invalid_host',
    reason: `${JSON.stringify(authority.slice(0, 300))} ${why}`,
    cure: 'write the host as a plain name or address, with its port',
  }
}
