/**
 * The environment of a sandbox beside the image's own: the way to its repositories, registries without credentials, and what the
 * person gave. No secrets.
 */
import type { Settings } from '../../config.ts'
import type { Agent } from '../../domain/agent.ts'
import { gitAddresses } from './git-addresses.ts'

type Registries = Pick<Settings, 'registries'>

export function sandboxEnvironment(
  { registries, github }: Registries & { github: Pick<Settings['github'], 'url'> },
  agent: Pick<Agent, 'env' | 'githubRepo' | 'readRepos'>,
): Record<string, string> {
  const passed = Object.entries(registries).map(([name, value]) => [
    name,
    splitList(name, value).map(withoutCredentials).join(''),
  ])
  const repositories = gitAddresses([agent.githubRepo, ...agent.readRepos], github.url)
  return { ...repositories, ...Object.fromEntries(passed), ...agent.env }
}

/** Hosts of the registries that are set, as entries of an egress list: a company's mirror works, wherever it is. */
export function registryHosts({ registries }: Registries): string[] {
  return Object.entries(registries)
    .flatMap(([name, value]) => splitList(name, value))
    .flatMap((part) => {
      const url = readAddress(part)
      return url !== null && /^https?:$/.test(url.protocol) ? [url.host.replace(/^\[([^\]]+)\]$/, '$1')] : []
    })
}

/** GOPROXY is a list of addresses and words with `,` or `|` between, which are parts too; the others are one address each. */
function splitList(name: string, value: string): string[] {
  return name === 'GOPROXY' ? value.split(/([,|])/) : [value]
}

/** What cannot be read may hold them: nothing of it is passed on. */
function withoutCredentials(address: string): string {
  const url = readAddress(address)
  if (url === null) return address.includes('@') ? '' : address
  if (url.username === '' && url.password === '') return address
  url.username = ''
  url.password = ''
  return url.href
}

/** Null for a separator and for a word such as `direct`. Go takes `host/path` for https. */
function readAddress(part: string): URL | null {
  const text = part.trim()
  if (/^[a-z,|]*$/.test(text)) return null
  return URL.parse(text.includes('://') ? text : `https://${text}`)
}
