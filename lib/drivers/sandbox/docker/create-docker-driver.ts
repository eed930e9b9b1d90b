/**
 * The Docker driver: sandboxes as containers without a network, a capability or a key. Owns: their containers, volumes,
 * socket directories and runners, all found by labels. Must not know: agents' states, the database, what is said to a bridge.
 */
import { existsSync } from 'node:fs'
import { type Clock, systemClock } from '../../../clock.ts'
import type { Logger } from '../../../logger.ts'
import { createOrder } from '../order.ts'
import type { SandboxDriver } from '../port.ts'
import { createSandbox, type SandboxMaker } from './create-sandbox.ts'
import type { ContainerEngine } from './engine/engine.ts'
import { openEngine } from './engine/open-engine.ts'
import { isAgentImage, LABEL } from './labels.ts'
import { createLifecycle } from './lifecycle.ts'
import { probeEngine } from './probe-engine.ts'
import { createDialer } from './reach/dialer.ts'
import { createReachFinder, type Reach } from './reach/reach.ts'
import { createRelays } from './reach/relays.ts'
import { createRunners } from './runner.ts'
import { getSandbox, listSandboxes } from './sandboxes.ts'
import { foreignImage, missingImage } from './start-failure.ts'
import { removeVolumes } from './volumes.ts'
import { watchSandboxes } from './watch-sandboxes.ts'

export interface DockerDriverOptions {
  /** As in DOCKER_HOST; null: the usual sockets. */
  dockerHost: string | null
  /** Absolute; made with mode 0700 where it is missing. Where the engine has no such folder, bridges are reached through exec. */
  socketRoot: string
  logger: Logger
  clock?: Clock
  /** For tests. */
  engine?: ContainerEngine
  /** For tests: how bridges are reached, instead of finding out. */
  reach?: Reach
}

export function createDockerDriver(options: DockerDriverOptions): SandboxDriver {
  const { dockerHost, socketRoot, logger, clock = systemClock, engine = openEngine(dockerHost) } = options
  const runners = createRunners(engine, logger)
  const inOrder = createOrder()
  const finder = createReachFinder({ engine, socketRoot, logger, fixed: options.reach })
  const relays = createRelays(engine, logger)
  const dialer = createDialer({ engine, relays })
  const lifecycle = createLifecycle({ engine, runners, dialer, socketRoot, logger })
  const watches = new Set<() => Promise<void>>()

  const ipv6 = process.platform !== 'linux' || existsSync('/proc/sys/net/ipv6')
  const maker: SandboxMaker = { engine, runners, finder, socketRoot, ipv6, logger, ...lifecycle }

  return {
    kind: 'docker',
    isolated: true,
    probe: () => probeEngine(engine, finder.found()),
    prepare: async (image) => {
      await finder.find(image)
    },

    assertImage: async (image) => {
      const found = await engine.findImage(image)
      if (found === null) throw missingImage(image)
      if (!isAgentImage(found)) throw foreignImage(image)
    },

    defaultEgressHosts: async (image) => {
      const found = await engine.findImage(image)
      if (found === null) throw missingImage(image)
      const hosts: unknown = JSON.parse(found.labels[LABEL.egress] ?? '[]')
      return Array.isArray(hosts) ? hosts.map(String) : []
    },

    create: (spec, signal) =>
      inOrder(spec.agentId, async () => dialer.remember(await createSandbox(maker, spec, signal))),
    start: (labels) => inOrder(labels.agentId, async () => dialer.remember(await lifecycle.start(labels))),
    stop: (labels) => inOrder(labels.agentId, () => lifecycle.stop(labels)),
    remove: (labels) => inOrder(labels.agentId, () => lifecycle.remove(labels)),

    removeVolumes: (owner) => inOrder(owner.agentId, () => removeVolumes(engine, owner)),

    ensureRunner: async (labels) => {
      const sandbox = await getSandbox(engine, labels)
      await runners.ensure(sandbox.engineId, sandbox.agentId)
    },

    list: (filter) => listSandboxes(engine, filter),
    dial: (labels) => dialer.dial(labels),

    logs: async (labels, lines) => engine.readLogs((await getSandbox(engine, labels)).engineId, lines),

    watch: async (installationId, onEnd, minds = () => true) => {
      const stopWatching = await watchSandboxes({
        engine,
        installationId,
        onEnd,
        isExpected: lifecycle.isExpected,
        onDestroyed: (engineId) => {
          lifecycle.forget(engineId)
          dialer.forget(engineId)
        },
        minds,
        ensureRunner: (sandbox) => runners.ensure(sandbox.engineId, sandbox.agentId),
        logger,
        clock,
      })
      watches.add(stopWatching)
      return () => {
        watches.delete(stopWatching)
        stopWatching().catch((error) => logger.error('a watch of the engine ended badly', { error }))
      }
    },

    close: async () => {
      runners.close()
      relays.close()
      await Promise.all([...watches].map((stopWatching) => stopWatching()))
      watches.clear()
    },
  }
}
