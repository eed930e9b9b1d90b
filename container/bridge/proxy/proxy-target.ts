/**
 * Where a proxied request goes, or why it goes nowhere. Owns: which names of the tunnel a program in the sandbox may use
 * (git.berth, and no other name under .berth). Must not know: sockets, streams.
 */
import { GIT_AUTHORITY, type TunnelKind } from '../../contract/tunnel.ts'

export type ProxyTarget =
  | { allowed: true; kind: TunnelKind; authority: string; path: string }
  | { allowed: false; status: number; reason: string }

const ORIGIN_FORM_REASON =
  'This is the HTTP proxy of this sandbox, not a web server. Programs use it through HTTP_PROXY and HTTPS_PROXY; to try a server of your own, ask its own port.'

/** The request line's target of anything but CONNECT: absolute-form, as clients send it to a proxy (RFC 9112, 3.2.2). */
export function parseAbsoluteForm(target: string): ProxyTarget {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) return refuse(400, ORIGIN_FORM_REASON)
  if (!URL.canParse(target)) return refuse(400, 'The URL of this request cannot be read.')
  const url = new URL(target)
  if (url.protocol !== 'http:') {
    return refuse(400, `This proxy takes http:// URLs and CONNECT; ${url.protocol}// has to come as CONNECT host:port.`)
  }
  const hostname = withoutTrailingDot(url.hostname)
  const path = `${url.pathname}${url.search}`
  if (hostname === GIT_AUTHORITY && url.port === '') {
    return { allowed: true, kind: 'control', authority: GIT_AUTHORITY, path }
  }
  if (isTunnelName(hostname)) return refuseTunnelName(hostname)
  return { allowed: true, kind: 'egress', authority: url.host, path }
}

/** The target of CONNECT: host:port (RFC 9112, 3.2.3). */
export function parseAuthorityForm(target: string): ProxyTarget {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/i.exec(target)
  const port = Number(match?.[2])
  if (!match?.[1] || port < 1 || port > 65_535) return refuse(400, 'CONNECT takes host:port.')
  const hostname = withoutTrailingDot(match[1].toLowerCase())
  if (isTunnelName(hostname)) return refuseTunnelName(hostname)
  return { allowed: true, kind: 'egress', authority: `${match[1].toLowerCase()}:${port}`, path: '' }
}

function isTunnelName(hostname: string): boolean {
  return hostname === 'berth' || hostname.endsWith('.berth')
}

function refuseTunnelName(hostname: string): ProxyTarget {
  return refuse(
    403,
    hostname === GIT_AUTHORITY
      ? `${GIT_AUTHORITY} speaks plain http on its default port only: use http://${GIT_AUTHORITY}/<owner>/<repository>.git.`
      : `${hostname} is not for programs in the sandbox; of the .berth names only ${GIT_AUTHORITY} is.`,
  )
}

function withoutTrailingDot(hostname: string): string {
  return hostname.replace(/\.$/, '')
}

function refuse(status: number, reason: string): ProxyTarget {
  return { allowed: false, status, reason }
}
