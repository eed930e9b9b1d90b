/**
 * The company's proxy for everything in this process that calls `fetch`: the forge's API and the model catalogue. What the
 * gateways send finds its own way (lib/gateway/upstream.ts).
 */
import http from 'node:http'
import type { Settings } from '../config.ts'
import { findProxyForUrl } from '../domain/company-proxy.ts'

type RoutedSettings = Pick<Settings, 'egress' | 'github' | 'openrouter' | 'dockerHost'>

/**
 * Answers how to undo it. Node has a reading of NO_PROXY of its own: it is given those of the settings' addresses that go past
 * the proxy, so that there is one rule.
 */
export function routeFetches(settings: RoutedSettings): () => void {
  const { proxy } = settings.egress
  const addresses = [settings.github.apiUrl, settings.openrouter.baseUrl].map((address) => new URL(address))
  const direct = addresses.filter((url) => findProxyForUrl(proxy, url) === null)
  const engine = settings.dockerHost === null ? null : URL.parse(settings.dockerHost.replace(/^tcp:/, 'http:'))
  return http.setGlobalProxyFromEnv({
    // Typed as a whole environment; only the proxy's variables of it are read.
    ...({} as NodeJS.ProcessEnv),
    HTTPS_PROXY: proxy.https ?? undefined,
    HTTP_PROXY: proxy.http ?? undefined,
    NO_PROXY: ['localhost', '127.0.0.1', '::1', ...direct.map(({ host }) => host), engine?.hostname ?? '']
      .filter((entry) => entry !== '')
      .join(','),
  })
}
