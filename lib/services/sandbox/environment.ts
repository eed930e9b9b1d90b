/** The environment of a sandbox beside the image's own: registries without credentials, and what the person gave. No secrets. */
import type { Settings } from '../../config.ts'
import type { Agent } from '../../domain/agent.ts'

export function sandboxEnvironment(
  settings: Pick<Settings, 'registries'>,
  agent: Pick<Agent, 'env'>,
): Record<string, string> {
  const registries = Object.entries(settings.registries).map(([name, value]) => [name, withoutCredentials(value)])
  return { ...Object.fromEntries(registries), ...agent.env }
}

/** Host names of the registries that are set, to be allowed and treated as internal: a company's mirror works. */
export function registryHosts(settings: Pick<Settings, 'registries'>): string[] {
  return Object.values(settings.registries)
    .flatMap((value) => value.split(/[,|]/))
    .flatMap((value) => {
      const url = URL.parse(value.trim())
      if (!url || !/^https?:$/.test(url.protocol)) return []
      return [url.port ? `${url.hostname}:${url.port}` : url.hostname]
    })
}

/** GOPROXY is a list of URLs and words with `,` or `|` between; the others are one URL. */
function withoutCredentials(value: string): string {
  return value
    .split(/([,|])/)
    .map((part) => {
      const url = URL.parse(part.trim())
      if (!url || (url.username === '' && url.password === '')) return part
      url.username = ''
      url.password = ''
      return url.href
    })
    .join('')
}
