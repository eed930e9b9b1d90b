/**
 * Which connections of the control plane, its own and those of sandboxes, go out through the company's proxy, and which go past
 * it: pure rules over HTTPS_PROXY, HTTP_PROXY and NO_PROXY. Must not know: how a proxy is spoken to.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

export interface CompanyProxy {
  /** For https, and for every tunnel of a sandbox: "http://user:password@host:port". Null: none. */
  https: string | null
  /** For plain http. Null: none. */
  http: string | null
  /** Entries of NO_PROXY, lower case. */
  noProxy: readonly string[]
}

export const NO_COMPANY_PROXY: CompanyProxy = { https: null, http: null, noProxy: [] }

const USUAL_PORTS = { 'http:': 80, 'https:': 443 }
const LOCAL_HOSTS = ['localhost', '127.0.0.0/8', '::1']

/** The proxy for a connection; null when it goes out directly. `host` is lower case, an IPv6 address without brackets. */
export function findProxy(
  proxy: CompanyProxy,
  protocol: 'http:' | 'https:',
  { host, port }: { host: string; port: number },
): string | null {
  const url = protocol === 'https:' ? proxy.https : proxy.http
  return url === null || goesPastProxy(proxy.noProxy, host, port) ? null : url
}

/** The same for what an http or https address leads to. */
export function findProxyForUrl(proxy: CompanyProxy, url: URL): string | null {
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  const port = url.port === '' ? USUAL_PORTS[protocol] : Number(url.port)
  return findProxy(proxy, protocol, { host: url.hostname.replace(/^\[|\]$/g, ''), port })
}

/**
 * NO_PROXY as curl and Go read it: `name` and `.name` mean the host and everything below it, `*` everything; an address, or a
 * network as `10.0.0.0/8`, means hosts that are written as an address. Any of them may end in `:port`. This machine itself is
 * never asked for through a proxy.
 */
export function goesPastProxy(noProxy: readonly string[], host: string, port: number): boolean {
  return [...LOCAL_HOSTS, ...noProxy].some((entry) => {
    const { name, onlyPort } = splitEntry(entry.trim().toLowerCase())
    if (onlyPort !== null && onlyPort !== port) return false
    if (name === '*') return true
    if (isIP(host) !== 0) return coversAddress(name, host)
    const domain = name.replace(/^\*?\./, '').replace(/\.$/, '')
    return domain !== '' && (host === domain || host.endsWith(`.${domain}`))
  })
}

function splitEntry(entry: string): { name: string; onlyPort: number | null } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(entry)
  if (bracketed !== null) return { name: bracketed[1] ?? '', onlyPort: toPort(bracketed[2]) }
  const match = /^([^:]+):(\d+)$/.exec(entry)
  return match === null ? { name: entry, onlyPort: null } : { name: match[1] ?? '', onlyPort: toPort(match[2]) }
}

function toPort(digits: string | undefined): number | null {
  return digits === undefined ? null : Number(digits)
}

/** Node's BlockList knows an IPv4 address in its IPv6 form too. */
function coversAddress(name: string, address: string): boolean {
  const [network = '', bits, ...more] = name.split('/')
  const family = isIPv4(network) ? 'ipv4' : 'ipv6'
  if (isIP(network) === 0 || more.length > 0) return false
  const longest = family === 'ipv4' ? 32 : 128
  const prefix = bits === undefined ? longest : Number(bits)
  if (bits === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > longest) return false
  const list = new BlockList()
  list.addSubnet(network, prefix, family)
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
