/** What a bench asks of the engine that the product does not: some calls of its API, as plain HTTP. */
import http from 'node:http'
import { json } from 'node:stream/consumers'
import { findEngine } from '../../lib/drivers/sandbox/docker/engine/find-engine.ts'

export interface EngineFigures {
  /** Of the container's cgroup, without files that are only cached: what `docker stats` shows. 0 when it does not run. */
  memoryBytes(containerId: string, signal: AbortSignal): Promise<number>
  /** Command lines of what runs in the container. */
  processes(containerId: string, signal: AbortSignal): Promise<string[]>
  /** A tar of the image's layers, uncompressed. */
  exportImage(name: string, signal: AbortSignal): Promise<http.IncomingMessage>
}

interface ContainerStats {
  /** Empty for a container without a process: it has no cgroup. */
  memory_stats: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } }
}

/** `dockerHost` as in DOCKER_HOST; null: the usual sockets. */
export function openEngineFigures(dockerHost: string | null): EngineFigures {
  const address = findEngine(dockerHost)
  const get = async (path: string, signal: AbortSignal): Promise<http.IncomingMessage> => {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ ...address, path, signal }, resolve).once('error', reject)
    })
    if (response.statusCode === 200) return response
    response.destroy()
    throw new Error(`The engine answered GET ${path} with ${response.statusCode}.`)
  }
  return {
    async memoryBytes(containerId, signal) {
      const response = await get(`/containers/${containerId}/stats?stream=false&one-shot=true`, signal)
      const { memory_stats: memory } = (await json(response)) as ContainerStats
      // The first name is cgroup v2's, the second v1's.
      return (memory.usage ?? 0) - (memory.stats?.inactive_file ?? memory.stats?.total_inactive_file ?? 0)
    },
    async processes(containerId, signal) {
      const response = await get(`/containers/${containerId}/top?ps_args=${encodeURIComponent('-eo pid,args')}`, signal)
      const { Processes: processes } = (await json(response)) as { Processes: string[][] }
      return processes.map((columns) => columns.at(-1) ?? '')
    },
    exportImage: (name, signal) => get(`/images/${encodeURIComponent(name)}/get`, signal),
  }
}
