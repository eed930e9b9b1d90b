/** What the Docker engine itself shows of an installation: asked behind the driver's back, so that its word is not needed. */
import { access, readdir } from 'node:fs/promises'
import { request } from 'node:http'
import path from 'node:path'
import { json, text } from 'node:stream/consumers'
import { openEngine } from '../../lib/drivers/sandbox/docker/engine/open-engine.ts'

export interface E2eEngine {
  /** Engine ids of the containers, running or not. */
  containers(agentId?: string): Promise<string[]>
  volumes(agentId?: string): Promise<string[]>
  /** `docker inspect` of the agent's only container. */
  inspect(agentId: string): Promise<ShownContainer>
  /** Runs a shell command in the agent's container as a user of it, and answers what it wrote on both streams. */
  exec(agentId: string, input: { user: string; command: string }): Promise<string>
  /** The same as the agent's commands have it: its user, its home and, by default, its workspace; with the exit code. */
  sh(agentId: string, command: string, options?: { user?: string; directory?: string }): Promise<ShellResult>
  /** What a test that failed half-way could not purge. */
  removeAll(agentId: string): Promise<void>
}

export interface ShellResult {
  exitCode: number | null
  /** Both streams. */
  output: string
}

/** The part of `docker inspect` that the tests name; the rest is there too. */
export interface ShownContainer {
  Id: string
  Config: { User: string; Env: string[]; Labels: Record<string, string> }
  HostConfig: Record<string, unknown>
  NetworkSettings: { Networks: Record<string, unknown> }
  Mounts: { Type: string; Source: string; Destination: string; RW: boolean }[]
}

/** Without an installation's id only what is asked of one agent is found. */
export function openE2eEngine(input: { dockerHost: string | null; installationId: string | null }): E2eEngine {
  const engine = openEngine(input.dockerHost)
  const labels = (agentId?: string) => [
    ...(input.installationId === null ? [] : [`berth.installation=${input.installationId}`]),
    ...(agentId === undefined ? [] : [`berth.agent=${agentId}`]),
  ]
  const containers = async (agentId?: string) => (await engine.listContainers(labels(agentId))).map(({ id }) => id)
  const only = async (agentId: string) => {
    const [id, ...more] = await containers(agentId)
    if (id === undefined || more.length > 0) throw new Error(`${agentId} has ${more.length + (id ? 1 : 0)} containers.`)
    return id
  }
  return {
    containers,
    volumes: (agentId) => engine.listVolumes(labels(agentId)),
    inspect: async (agentId) => askEngine(engine.address, `/containers/${await only(agentId)}/json`),
    async exec(agentId, { user, command }) {
      const { output } = await engine.exec(await only(agentId), {
        command: ['bash', '-c', `exec 1>&2; ${command}`],
        user,
        workingDirectory: '/',
        env: [],
      })
      return text(output)
    },
    async sh(agentId, command, { user = '1000:1000', directory = '/workspace' } = {}) {
      const { execId, output } = await engine.exec(await only(agentId), {
        command: ['bash', '-c', `exec 2>&1; ${command}`],
        user,
        workingDirectory: directory,
        env: ['HOME=/home/agent'],
      })
      const said = await text(output)
      return { output: said, exitCode: (await engine.findExec(execId))?.exitCode ?? null }
    },
    async removeAll(agentId) {
      for (const id of await containers(agentId)) await engine.removeContainer(id)
      for (const name of await engine.listVolumes(labels(agentId))) await engine.removeVolume(name)
    },
  }
}

/** The engine's own API, in whatever shape it answers. */
function askEngine(address: string, route: string): Promise<ShownContainer> {
  const to = address.startsWith('unix://')
    ? { socketPath: address.slice('unix://'.length), path: route }
    : new URL(route, address.replace(/^tcp:/, 'http:'))
  return new Promise((resolve, reject) => {
    const asked = request(to, (response) => resolve(json(response) as Promise<ShownContainer>))
    asked.on('error', reject)
    asked.end()
  })
}

/** Names of the socket folders that a data folder holds. */
export async function listSocketFolders(dataDirectory: string): Promise<string[]> {
  return (await isThere(path.join(dataDirectory, 'sockets'))) ? readdir(path.join(dataDirectory, 'sockets')) : []
}

export async function isThere(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
