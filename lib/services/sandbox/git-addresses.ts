/**
 * git in a sandbox is told to ask the broker for an agent's repositories, however their address on the forge is spelled: in a
 * submodule, in a package's dependencies, typed by hand. Owns: those settings, as variables (git-config(1), GIT_CONFIG_COUNT),
 * which hold for every clone and need no file.
 */
import { GIT_AUTHORITY } from '../../../container/contract/tunnel.ts'

/** `repositories`: "owner/repo". `forgeUrl`: e.g. "https://github.com". */
export function gitAddresses(repositories: readonly string[], forgeUrl: string): Record<string, string> {
  const { host } = new URL(forgeUrl)
  const settings = repositories.flatMap((repository) =>
    spellingsOf(host, repository).map((address) => [`url.http://${GIT_AUTHORITY}/${repository}.insteadOf`, address]),
  )
  const variables = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return Object.fromEntries([['GIT_CONFIG_COUNT', String(settings.length)], ...variables])
}

function spellingsOf(host: string, repository: string): string[] {
  return [`https://${host}/`, `http://${host}/`, `ssh://git@${host}/`, `git://${host}/`, `git@${host}:`].map(
    (beginning) => `${beginning}${repository}`,
  )
}
