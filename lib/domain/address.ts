/**
 * What an IP address is, as far as an egress guard must know: a place on the public internet, or one where something private
 * can answer. Owns: the table of ranges (IANA special-purpose registries, plus addresses of cloud metadata services). Must not
 * know: names, resolving, this machine's interfaces.
 *
 * Documentation ranges (TEST-NET, 2001:db8::/32) count as public: nothing private answers there, and networks that hand out
 * such addresses for their mirrors exist.
 */
import { isIPv4, isIPv6 } from 'node:net'

export type AddressClass =
  | 'public'
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'link_local'
  | 'shared'
  | 'multicast'
  | 'metadata'
  | 'reserved'
  | 'invalid'

type Range = readonly [prefix: string, bits: number, class_: AddressClass]

/** The first match counts. */
const IPV4_RANGES: readonly Range[] = [
  ['169.254.169.254', 32, 'metadata'],
  ['169.254.170.2', 32, 'metadata'],
  ['100.100.100.200', 32, 'metadata'],
  ['168.63.129.16', 32, 'metadata'],
  ['192.0.0.192', 32, 'metadata'],
  ['0.0.0.0', 8, 'unspecified'],
  ['10.0.0.0', 8, 'private'],
  ['100.64.0.0', 10, 'shared'],
  ['127.0.0.0', 8, 'loopback'],
  ['169.254.0.0', 16, 'link_local'],
  ['172.16.0.0', 12, 'private'],
  ['192.0.0.0', 24, 'reserved'],
  ['192.88.99.0', 24, 'reserved'],
  ['192.168.0.0', 16, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['224.0.0.0', 4, 'multicast'],
  ['240.0.0.0', 4, 'reserved'],
]

const IPV6_RANGES: readonly Range[] = [
  ['::', 128, 'unspecified'],
  ['::1', 128, 'loopback'],
  ['fd00:ec2::', 32, 'metadata'],
  ['fd20:ce::254', 128, 'metadata'],
  ['fc00::', 7, 'private'],
  ['fec0::', 10, 'private'],
  ['fe80::', 10, 'link_local'],
  ['ff00::', 8, 'multicast'],
  ['2001::', 32, 'reserved'],
  ['2001:10::', 28, 'reserved'],
  ['2001:20::', 28, 'reserved'],
  ['2000::', 3, 'public'],
]

/** Forms of IPv6 that carry an IPv4 address, and the byte at which it stands: mapped, translated (SIIT), NAT64, 6to4. */
const EMBEDDED_IPV4: readonly (readonly [prefix: string, bits: number, offset: number])[] = [
  ['::ffff:0:0', 96, 12],
  ['::ffff:0:0:0', 96, 12],
  ['64:ff9b::', 96, 12],
  ['2002::', 16, 2],
]

/**
 * The class of an address in dotted or colon form. Anything but `public` is not to be dialled for a sandbox; what is not an
 * address in canonical notation (octal, decimal or short IPv4, a zone id) is `invalid`.
 */
export function classifyAddress(address: string): AddressClass {
  if (isIPv4(address)) return classifyIpv4(address)
  if (!isIPv6(address) || address.includes('%')) return 'invalid'
  const bytes = parseIpv6(address)
  for (const [prefix, bits, offset] of EMBEDDED_IPV4) {
    if (hasPrefix(bytes, parseIpv6(prefix), bits)) return classifyIpv4(bytes.slice(offset, offset + 4).join('.'))
  }
  const range = IPV6_RANGES.find(([prefix, bits]) => hasPrefix(bytes, parseIpv6(prefix), bits))
  return range?.[2] ?? 'reserved'
}

/** True when two addresses are the same place, whatever their notation (an IPv4-mapped IPv6 address is its IPv4 address). */
export function isSameAddress(a: string, b: string): boolean {
  const [left, right] = [toBytes(a), toBytes(b)]
  return left !== null && right !== null && left.length === right.length && hasPrefix(left, right, left.length * 8)
}

function classifyIpv4(address: string): AddressClass {
  const bytes = parseIpv4(address)
  return IPV4_RANGES.find(([prefix, bits]) => hasPrefix(bytes, parseIpv4(prefix), bits))?.[2] ?? 'public'
}

function toBytes(address: string): number[] | null {
  if (isIPv4(address)) return parseIpv4(address)
  const plain = address.split('%')[0] ?? ''
  if (!isIPv6(plain)) return null
  const bytes = parseIpv6(plain)
  return hasPrefix(bytes, parseIpv6('::ffff:0:0'), 96) ? bytes.slice(12) : bytes
}

function parseIpv4(address: string): number[] {
  return address.split('.').map(Number)
}

/** 16 bytes of an address that `isIPv6` has accepted. */
function parseIpv6(address: string): number[] {
  const [head = '', tail] = address.split('::')
  const left = toGroups(head)
  const right = tail === undefined ? [] : toGroups(tail)
  const gap = new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0)
  return [...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 0xff])
}

function toGroups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = parseIpv4(group)
    return [(a << 8) | b, (c << 8) | d]
  })
}

function hasPrefix(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  for (let index = 0, left = bits; left > 0; index += 1, left -= 8) {
    const mask = left >= 8 ? 0xff : (0xff << (8 - left)) & 0xff
    if (((bytes[index] ?? 0) & mask) !== ((prefix[index] ?? 0) & mask)) return false
  }
  return true
}
