/** The company's proxy: which variables name one, and whether it can be reached. Its user name and password are never shown. */
import { connect } from 'node:net'
import { type Finding, ok, warning } from '../finding.ts'

export interface ProxyFacts {
  proxies: {
    name: string
    /** Without credentials, e.g. "http://proxy.example.com:8080"; null: it is no address. */
    shown: string | null
    hasCredentials: boolean
    /** The system's code, or a few words; null: something listens there. */
    failure: string | null
  }[]
  noProxy: string | null
}

const TIMEOUT_MS = 3_000

export async function readProxies(
  variables: { name: string; value: string }[],
  noProxy: string | null,
): Promise<ProxyFacts> {
  const proxies = await Promise.all(
    variables.map(async ({ name, value }) => {
      if (!/^https?:/.test(value) || !URL.canParse(value)) {
        return { name, shown: null, hasCredentials: false, failure: null }
      }
      const url = new URL(value)
      const failure = await knock(url.hostname.replace(/^\[|\]$/g, ''), portOf(url))
      return { name, shown: `${url.protocol}//${url.host}`, hasCredentials: url.username !== '', failure }
    }),
  )
  return { proxies, noProxy }
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

function knock(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS })
    const end = (failure: string | null) => {
      socket.destroy()
      resolve(failure)
    }
    socket.once('connect', () => end(null))
    socket.once('timeout', () => end(`no answer within ${TIMEOUT_MS / 1_000} s`))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
  })
}

/** Wrong values are the settings' to say; what cannot be asked through the proxy, the model's and GitHub's. */
export function judgeProxies({ proxies, noProxy }: ProxyFacts): Finding[] {
  const past = noProxy === null ? '' : `, not for ${noProxy} (NO_PROXY)`
  const findings = proxies.flatMap(({ name, shown, hasCredentials, failure }) => {
    if (shown === null) return []
    const said = `${name}: ${shown}${hasCredentials ? ' with a user name and password' : ''}${past}`
    if (failure === null) return [ok(`${said}; it listens`)]
    return [
      warning(
        `${said}; it cannot be reached (${failure})`,
        `Correct ${name} in .env or in the environment, or remove it where no proxy is needed.`,
      ),
    ]
  })
  const names = proxies.map(({ name }) => name.toUpperCase())
  if (names.includes('HTTP_PROXY') && !names.includes('HTTPS_PROXY')) {
    findings.push(
      warning(
        'HTTP_PROXY is set and HTTPS_PROXY is not: models, GitHub and registries are asked without a proxy',
        'Set HTTPS_PROXY to the same address.',
      ),
    )
  }
  return findings.length === 0 ? [ok('none')] : findings
}
