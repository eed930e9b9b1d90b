/** Where the engine listens: DOCKER_HOST when it is set, else the first of the usual sockets that exists. */
import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export type EngineAddress = { socketPath: string } | { protocol: 'http' | 'https'; host: string; port: number }

const DEFAULT_SOCKET = '/var/run/docker.sock'

/** Throws when `dockerHost` is of a kind that is not spoken here, naming those that are. */
export function findEngine(dockerHost: string | null, exists: (file: string) => boolean = existsSync): EngineAddress {
  if (dockerHost !== null) return parseDockerHost(dockerHost)
  const home = os.homedir()
  const usual = [
    DEFAULT_SOCKET,
    path.join(home, '.docker/run/docker.sock'),
    path.join(home, '.docker/desktop/docker.sock'),
  ]
  return { socketPath: usual.find(exists) ?? DEFAULT_SOCKET }
}

function parseDockerHost(dockerHost: string): EngineAddress {
  const match = dockerHost.match(/^(unix|tcp|http|https):\/\/(.+)$/)
  const [, scheme, rest] = match ?? []
  if (scheme === undefined || rest === undefined) {
    throw new TypeError(`DOCKER_HOST=${dockerHost}: must begin with unix://, tcp://, http:// or https://`)
  }
  if (scheme === 'unix') return { socketPath: rest }
  const url = new URL(`http://${rest}`)
  const port = url.port === '' ? 2375 : Number(url.port)
  return { protocol: scheme === 'https' || port === 2376 ? 'https' : 'http', host: url.hostname, port }
}

/** For a person: the address as DOCKER_HOST would name it. */
export function describeEngineAddress(address: EngineAddress): string {
  if ('socketPath' in address) return `unix://${address.socketPath}`
  return `${address.protocol === 'https' ? 'https' : 'tcp'}://${address.host}:${address.port}`
}
