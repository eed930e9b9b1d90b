/** Sandboxes in memory, behind the same port and under the same contract suite as the real ones; and hands to break them with. */
import { createServer } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import type { Sandbox, SandboxDriver, SandboxLabels, SandboxSpec } from '../../lib/drivers/sandbox/port.ts'
import { BerthError } from '../../lib/errors.ts'

export interface FakeSandboxOptions {
  /** Plays the bridge on every connection. Default: an HTTP server that answers every request with its incarnation. */
  bridge?: (socket: Duplex, sandbox: Sandbox) => void
  /** Images that are there. Default: all. */
  images?: string[]
  /** Image to the log its bridge leaves when it fails to start. */
  brokenImages?: Record<string, string[]>
  egressHosts?: string[]
  /** Default true. False: as the process driver. */
  isolated?: boolean
}

interface FakeContainer {
  sandbox: Sandbox
  spec: SandboxSpec
  runners: number
  log: string[]
}

export interface FakeSandboxDriver extends SandboxDriver {
  /** Called when a container was made. */
  onCreate: () => void
  /** False: every call answers as without an engine. */
  setReachable(reachable: boolean): void
  /** The spec that the container was made with. */
  specOf(sandbox: SandboxLabels): SandboxSpec
  /** Ends a container as something outside would. */
  endOutside(sandbox: SandboxLabels, how?: { exitCode?: number; outOfMemory?: boolean }): void
  endRunner(sandbox: SandboxLabels): void
  countRunners(sandbox: SandboxLabels): number
  /** Path to text; the agent's volumes. Null when it has none. */
  files(owner: { installationId: string; agentId: string }): Map<string, string> | null
}

export function createFakeSandboxDriver(options: FakeSandboxOptions = {}): FakeSandboxDriver {
  const bridge = options.bridge ?? answerEverything()
  const containers = new Map<string, FakeContainer>()
  const volumes = new Map<string, Map<string, string>>()
  const watchers = new Set<{ installationId: string; onEnd: (sandbox: Sandbox) => void }>()
  let reachable = true
  let made = 0

  const assertReachable = () => {
    if (reachable) return
    throw new BerthError('engine_unreachable', 'The fake engine cannot be reached.', { hint: 'setReachable(true)' })
  }
  const assertImage = (image: string) => {
    if (options.images === undefined || options.images.includes(image)) return
    throw new BerthError('image_missing', `The agent image ${image} is not on the fake engine.`)
  }
  const find = (labels: SandboxLabels) => containers.get(keyOf(labels))
  const get = (labels: SandboxLabels) => {
    const found = find(labels)
    if (found !== undefined) return found
    throw new BerthError('sandbox_lost', `There is no container of agent ${labels.agentId}.`)
  }
  const getRunning = (labels: SandboxLabels) => {
    const container = get(labels)
    if (container.sandbox.state === 'running') return container
    throw new BerthError('sandbox_lost', `The container of agent ${labels.agentId} does not run.`)
  }
  const end = (container: FakeContainer, exitCode: number) => {
    container.sandbox = { ...container.sandbox, state: 'stopped', exitCode }
    container.runners = 0
  }
  const run = (container: FakeContainer) => {
    container.sandbox = { ...container.sandbox, state: 'running', exitCode: null, outOfMemory: false }
    container.runners = 1
    return container.sandbox
  }

  const driver: FakeSandboxDriver = {
    onCreate: () => {},
    kind: options.isolated === false ? 'process' : 'docker',
    isolated: options.isolated ?? true,
    probe: async () => ({
      reachable,
      description: reachable ? 'Fake 1.0 (memory)' : 'The fake engine cannot be reached.',
      version: reachable ? '1.0' : null,
    }),
    prepare: async () => {},
    assertImage: async (image) => {
      assertReachable()
      assertImage(image)
    },
    defaultEgressHosts: async (image) => {
      assertImage(image)
      return options.egressHosts ?? []
    },

    create: async (spec, signal) => {
      assertReachable()
      signal?.throwIfAborted()
      const existing = find(spec)
      if (existing !== undefined) return run(existing)
      assertImage(spec.image)
      const log = options.brokenImages?.[spec.image]
      if (log !== undefined) {
        throw new BerthError('start_failed', `The sandbox of agent ${spec.agentId} did not start.`, {
          details: { stage: 'container', logTail: log.slice(-50) },
        })
      }
      for (const [key, { sandbox }] of containers) if (ownerKey(sandbox) === ownerKey(spec)) containers.delete(key)
      const { installationId, agentId, incarnation } = spec
      if (!volumes.has(ownerKey(spec))) volumes.set(ownerKey(spec), new Map())
      made += 1
      const sandbox: Sandbox = {
        installationId,
        agentId,
        incarnation,
        engineId: `fake-${made}`,
        state: 'running',
        outOfMemory: false,
        exitCode: null,
      }
      containers.set(keyOf(spec), { sandbox, spec, runners: 1, log: ['the bridge listens'] })
      driver.onCreate()
      return sandbox
    },
    start: async (labels) => {
      assertReachable()
      return run(get(labels))
    },
    stop: async (labels) => {
      assertReachable()
      const container = find(labels)
      if (container?.sandbox.state === 'running') end(container, 0)
    },
    remove: async (labels) => {
      assertReachable()
      containers.delete(keyOf(labels))
    },
    removeVolumes: async (owner) => {
      assertReachable()
      if ([...containers.values()].some(({ sandbox }) => ownerKey(sandbox) === ownerKey(owner))) {
        throw new BerthError('state_conflict', `The volumes of agent ${owner.agentId} are still used by a container.`)
      }
      volumes.delete(ownerKey(owner))
    },
    ensureRunner: async (labels) => {
      assertReachable()
      getRunning(labels).runners = 1
    },

    list: async ({ installationId, agentId }) => {
      assertReachable()
      return [...containers.values()]
        .map(({ sandbox }) => sandbox)
        .filter((sandbox) => sandbox.installationId === installationId)
        .filter((sandbox) => agentId === undefined || sandbox.agentId === agentId)
    },
    dial: async (labels) => {
      const { sandbox } = getRunning(labels)
      const [ours, theirs] = duplexPair()
      bridge(theirs, sandbox)
      return ours
    },
    logs: async (labels, lines) => get(labels).log.slice(-lines),
    watch: async (installationId, onEnd) => {
      const watcher = { installationId, onEnd }
      watchers.add(watcher)
      return () => {
        watchers.delete(watcher)
      }
    },
    close: async () => {
      watchers.clear()
    },

    setReachable: (value) => {
      reachable = value
    },
    specOf: (labels) => get(labels).spec,
    endOutside: (labels, { exitCode = 137, outOfMemory = false } = {}) => {
      const container = getRunning(labels)
      end(container, exitCode)
      container.sandbox = { ...container.sandbox, outOfMemory }
      for (const { installationId, onEnd } of watchers) {
        if (installationId === labels.installationId) onEnd(container.sandbox)
      }
    },
    endRunner: (labels) => {
      getRunning(labels).runners = 0
    },
    countRunners: (labels) => get(labels).runners,
    files: (owner) => volumes.get(ownerKey(owner)) ?? null,
  }
  return driver
}

function ownerKey({ installationId, agentId }: { installationId: string; agentId: string }): string {
  return `${installationId} ${agentId}`
}

function keyOf(labels: SandboxLabels): string {
  return `${ownerKey(labels)} ${labels.incarnation}`
}

function answerEverything(): (socket: Duplex, sandbox: Sandbox) => void {
  return (socket, { incarnation }) => {
    const server = createServer((request, response) => {
      response.setHeader('connection', 'close').end(JSON.stringify({ path: request.url, incarnation }))
    })
    server.emit('connection', socket)
  }
}
