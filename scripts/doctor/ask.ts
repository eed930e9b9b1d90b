/** One cheap GET with a deadline, made the way the gateways make theirs, and why it failed in words. Must not know: what is asked for. */
import { json } from 'node:stream/consumers'
import { type CompanyProxy, findProxyForUrl } from '../../lib/domain/company-proxy.ts'
import { describeFailure, type Upstream, UpstreamError } from '../../lib/gateway/upstream.ts'

export type Reply =
  /** `body`: parsed JSON; null where it is none. `at`: when the head of the answer was here, by this machine's clock. */
  { kind: 'answer'; status: number; headers: Record<string, string>; body: unknown; at: Date } | Failure

/** `code`: of the system, of TLS or of HTTP, e.g. "ECONNREFUSED", where there is one. `words`: for a person. */
export interface Failure {
  kind: 'failure'
  code: string | null
  words: string
}

export interface Question {
  url: string
  headers?: Record<string, string>
  timeoutMs: number
}

/** Never rejects. Redirects are answers. */
export async function ask(upstream: Upstream, { url, headers = {}, timeoutMs }: Question): Promise<Reply> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const response = await upstream.send({
      url: new URL(url),
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': 'berth', ...headers },
      idleTimeoutMs: timeoutMs,
      signal,
    })
    const at = new Date()
    const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
    const body: unknown = await json(response).catch(ignoreSyntax)
    return { kind: 'answer', status: response.statusCode ?? 0, headers: Object.fromEntries(flat), body, at }
  } catch (error) {
    if (signal.aborted) return { kind: 'failure', code: null, words: `no answer within ${timeoutMs / 1_000} s` }
    const cause: unknown = error instanceof UpstreamError ? error.cause : error
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null
    return { kind: 'failure', code, words: describeFailure(cause) }
  }
}

/** An error page of a proxy, say: the status tells enough. */
function ignoreSyntax(error: unknown): null {
  if (error instanceof SyntaxError) return null
  throw error
}

const NO_SUCH_NAME = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'])
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
const WRONG_TIME = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/** What to do about a host that could not be asked. */
export function adviseOnFailure(
  code: string | null,
  asked: { url: string; setting: string; proxy: string | null },
): string {
  const { url, setting, proxy } = asked
  const { hostname, origin } = new URL(url)
  if (code !== null && UNTRUSTED.has(code)) {
    return 'Somebody on the way (a company proxy, say) signs with a certificate of its own: name its PEM file in BERTH_EXTRA_CA.'
  }
  if (code !== null && WRONG_TIME.has(code)) {
    return `Is this machine's clock right? date -u. If it is, the certificate of ${hostname} is not.`
  }
  if (code === 'ERR_PROXY_TUNNEL') {
    return `The proxy ${proxy} refuses: correct its address, user name and password in HTTPS_PROXY, or have it let ${hostname} through.`
  }
  if (proxy !== null) {
    return `It was asked for through ${proxy}: correct HTTPS_PROXY, or name ${hostname} in NO_PROXY if it is reached without; else check ${setting}.`
  }
  if (code !== null && NO_SUCH_NAME.has(code)) {
    return `Does this machine know the name? getent hosts ${hostname}. Behind a company proxy set HTTPS_PROXY; else check ${setting}.`
  }
  return `Look at what happens: curl -v ${origin}. Behind a company proxy set HTTPS_PROXY; else check ${setting}.`
}

/** The proxy through which a host is asked, for a person; null: none. */
export function showProxy(proxy: CompanyProxy, url: string): string | null {
  const found = findProxyForUrl(proxy, new URL(url))
  return found === null ? null : showUrl(found)
}

/** A URL for a person: without user name, password and query. */
export function showUrl(url: string): string {
  if (!URL.canParse(url)) return '(no address)'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
