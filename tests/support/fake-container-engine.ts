/** The container half of a Docker engine in memory, for what a real one does too rarely to wait for: going away and coming back. */
import { Readable } from 'node:stream'
import {
  type ContainerDetails,
  type ContainerEngine,
  type EngineEvent,
  EngineRefusal,
  type ExecDetails,
} from '../../lib/drivers/sandbox/docker/engine/engine.ts'

export interface FakeContainerEngine extends ContainerEngine {
  containers: Map<string, ContainerDetails>
  volumes: Map<string, Record<string, string>>
  execs: Map<string, ExecDetails>
  /** Calls by name, in order. */
  calls: string[]
  /** How many streams of events are open. */
  listeners(): number
  emit(event: EngineEvent): void
  /** Ends all streams of events, as a restart does. */
  hangUp(): void
}

/** `overrides` replace single calls, to let them fail. */
export function createFakeContainerEngine(overrides: Partial<ContainerEngine> = {}): FakeContainerEngine {
  const containers = new Map<string, ContainerDetails>()
  const volumes = new Map<string, Record<string, string>>()
  const execs = new Map<string, ExecDetails>()
  const streams = new Set<Readable>()
  const calls: string[] = []
  const has = (labels: Record<string, string>, wanted: string[]) =>
    wanted.every((label) => {
      const [key = '', value] = label.split('=')
      return value === undefined ? key in labels : labels[key] === value
    })
  const set = (id: string, change: Partial<ContainerDetails>) => {
    const container = containers.get(id)
    if (container === undefined) throw new EngineRefusal(404, `No such container: ${id}`)
    containers.set(id, { ...container, ...change })
  }

  const engine: ContainerEngine = {
    address: 'unix:///fake.sock',
    version: async () => ({ version: '1.0', architecture: 'amd64' }),
    info: async () => ({ storageDriver: 'memory', securityOptions: [], operatingSystem: 'Debian' }),
    findImage: async (name) => ({ id: name, labels: {} }),
    listContainers: async (labels) =>
      [...containers.values()]
        .filter((container) => has(container.labels, labels))
        .map(({ id, labels: own, running }) => ({ id, labels: own, state: running ? 'running' : 'exited' })),
    findContainer: async (id) => containers.get(id) ?? null,
    createContainer: async (name, config) => {
      const labels = config.Labels as Record<string, string>
      const { Mounts } = config.HostConfig as { Mounts: { Type: string; Source: string; Target: string }[] }
      const binds = Object.fromEntries(
        Mounts.filter(({ Type }) => Type === 'bind').map(({ Source, Target }) => [Target, Source]),
      )
      const created = { running: false, outOfMemory: false, exitCode: 0, execIds: [] }
      containers.set(name, { id: name, labels, binds, ...created })
      return name
    },
    startContainer: async (id) => set(id, { running: true, exitCode: null, execIds: [] }),
    stopContainer: async (id) => set(id, { running: false, exitCode: 0 }),
    removeContainer: async (id) => {
      containers.delete(id)
    },
    readLogs: async () => ['the last line'],
    exec: async (id, { command }) => {
      const container = containers.get(id)
      if (container?.running !== true) throw new EngineRefusal(409, `Container ${id} is not running`)
      const execId = `exec-${execs.size + 1}`
      execs.set(execId, { running: true, started: true, exitCode: null, command })
      set(id, { execIds: [...container.execIds, execId] })
      return { execId, output: Readable.from([]) }
    },
    openExec: async () => {
      throw new EngineRefusal(409, 'There is nothing to connect to.')
    },
    findExec: async (execId) => execs.get(execId) ?? null,
    createVolume: async (name, labels) => {
      volumes.set(name, labels)
    },
    findVolume: async (name) => {
      const labels = volumes.get(name)
      return labels === undefined ? null : { labels }
    },
    listVolumes: async (labels) => [...volumes].filter(([, own]) => has(own, labels)).map(([name]) => name),
    removeVolume: async (name) => {
      volumes.delete(name)
    },
    events: async ({ signal }) => {
      const stream = new Readable({ objectMode: true, read: () => {} })
      streams.add(stream)
      const end = () => {
        streams.delete(stream)
        stream.push(null)
      }
      signal.addEventListener('abort', end, { once: true })
      return stream
    },
    ...overrides,
  }
  const recorded = Object.fromEntries(
    Object.entries(engine).map(([name, call]) => [
      name,
      typeof call !== 'function'
        ? call
        : (...args: never[]) => {
            calls.push(name)
            return (call as (...given: never[]) => unknown)(...args)
          },
    ]),
  ) as unknown as ContainerEngine
  return {
    ...recorded,
    containers,
    volumes,
    execs,
    calls,
    listeners: () => streams.size,
    emit: (event) => {
      for (const stream of streams) stream.push(event)
    },
    hangUp: () => {
      for (const stream of streams) stream.push(null)
      streams.clear()
    },
  }
}
