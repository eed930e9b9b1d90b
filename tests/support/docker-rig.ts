/** The Docker driver on the real engine, with stand-ins for bridge and runner; everything it makes is gone after `close`. */

import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { json, text } from 'node:stream/consumers'
import { readSettings } from '../../lib/config.ts'
import { createDockerDriver } from '../../lib/drivers/sandbox/docker/create-docker-driver.ts'
import { type OpenEngine, openEngine } from '../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { packContext } from '../../lib/drivers/sandbox/docker/image/build-context.ts'
import { ensureAgentImage } from '../../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { runBuild } from '../../lib/drivers/sandbox/docker/image/run-build.ts'
import type { Reach } from '../../lib/drivers/sandbox/docker/reach/reach.ts'
import { volumeName, volumeParts } from '../../lib/drivers/sandbox/docker/volumes.ts'
import type { SandboxLabels } from '../../lib/drivers/sandbox/port.ts'
import { silentLogger } from '../../lib/logger.ts'
import type { SandboxRig } from '../contract/sandbox-driver.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** The part of `docker inspect` that the tests look at. */
export interface ShownContainer {
  Name: string
  Config: { User: string; Env: string[] }
  HostConfig: Record<string, unknown>
  NetworkSettings: { Networks: Record<string, unknown> }
  Mounts: { Destination: string }[]
}

export interface DockerRig extends SandboxRig {
  engine: OpenEngine
  socketRoot: string
  containerId(sandbox: SandboxLabels): Promise<string>
  /** Everything that the engine shows of the container. */
  inspect(sandbox: SandboxLabels): Promise<ShownContainer>
  /** Inside. */
  runnerPid(sandbox: SandboxLabels): Promise<string>
  /** Runs a command in the container and answers what it printed, both streams. */
  run(sandbox: SandboxLabels, user: string, command: string[]): Promise<string>
}

/** `reach`: how bridges are reached, instead of finding out. */
export async function makeDockerRig(options: { reach?: Reach } = {}): Promise<DockerRig> {
  const tag = `test-${process.pid}`
  const image = `berth-agent:${tag}`
  const brokenImage = { name: `berth-agent:${tag}-broken` }
  const settings = readSettings(process.env, ROOT)
  const engine = openEngine(settings.dockerHost)
  await ensureAgentImage({
    settings: { ...settings, agentImage: null },
    tag: image,
    root: ROOT,
    onProgress: () => {},
    entries: {
      bridge: path.join(ROOT, 'tests/fixtures/stand-in-bridge.ts'),
      runner: path.join(ROOT, 'tests/fixtures/stand-in-runner.ts'),
    },
  })
  await buildBrokenImage(engine, { from: image, tag: brokenImage.name })
  const socketRoot = path.join(await mkdtemp(path.join(os.tmpdir(), 'berth-driver-test-')), 'sockets')
  const driver = createDockerDriver({ dockerHost: settings.dockerHost, socketRoot, logger: silentLogger, ...options })

  const containerId = async ({ installationId, agentId }: SandboxLabels) => {
    const [sandbox] = await driver.list({ installationId, agentId })
    if (sandbox === undefined) throw new Error(`agent ${agentId} has no container`)
    return sandbox.engineId
  }
  const run = async (sandbox: SandboxLabels, user: string, command: string[]) => {
    const exec = { command, user, workingDirectory: '/workspace', env: [] }
    const { output } = await engine.exec(await containerId(sandbox), exec)
    return text(output)
  }
  return {
    driver,
    engine,
    image,
    brokenImage,
    socketRoot,
    containerId,
    run,
    inspect: async (sandbox) => askEngine(engine, `/containers/${await containerId(sandbox)}/json`),
    runnerPid: async (sandbox) =>
      (
        await run(sandbox, '1000:1000', ['pgrep', '-u', '1000', '-f', '^/opt/berth/bin/node /opt/berth/runner.cjs'])
      ).trim(),
    killOutside: async (sandbox) => {
      await run(sandbox, '990:990', ['pkill', '-9', '-f', 'bridge.cjs'])
    },
    killRunner: async (sandbox) => {
      await run(sandbox, '1000:1000', ['pkill', '-9', '-f', 'runner.cjs'])
      await untilRunners(engine, await containerId(sandbox), 0)
    },
    countRunners: async (sandbox) => countRunners(engine, await containerId(sandbox)),
    writeFile: async (sandbox, file, content) => {
      await run(sandbox, '1000:1000', ['sh', '-c', 'printf %s "$1" > "$2"', 'sh', content, file])
    },
    readFile: async (sandbox, file) => {
      const answer = await run(sandbox, '1000:1000', ['sh', '-c', 'test -f "$1" && printf "=" && cat "$1"', 'sh', file])
      return answer.startsWith('=') ? answer.slice(1) : null
    },
    hasVolumes: async (owner) => {
      const found = await Promise.all(volumeParts.map(({ part }) => engine.findVolume(volumeName(owner, part))))
      return found.some((volume) => volume !== null)
    },
    close: async () => {
      await driver.close()
      await engine.removeImage(brokenImage.name)
      await engine.removeImage(image)
      await rm(path.dirname(socketRoot), { recursive: true, force: true })
    },
  }
}

/** What its container is to run cannot be run, so its start fails at once, every time. */
async function buildBrokenImage(engine: OpenEngine, { from, tag }: { from: string; tag: string }): Promise<void> {
  const content = (lines: string) => Buffer.from(lines)
  await runBuild(engine, {
    what: 'a broken image',
    context: packContext([
      { path: 'Dockerfile', mode: 0o644, content: content(`FROM ${from}\nCOPY env /usr/bin/env\n`) },
      { path: 'env', mode: 0o644, content: content('') },
    ]),
    dockerfile: 'Dockerfile',
    tag,
    buildArgs: {},
    labels: {},
    noCache: false,
    onProgress: () => {},
    signal: new AbortController().signal,
  })
}

/** By the engine's records: a process that was just started is not yet the program that it will be. */
async function countRunners(engine: OpenEngine, containerId: string): Promise<number> {
  const container = await engine.findContainer(containerId)
  const execs = await Promise.all((container?.execIds ?? []).map((execId) => engine.findExec(execId)))
  return execs.filter((exec) => exec?.running === true && exec.command.join(' ').includes('runner.cjs')).length
}

/** The kernel takes a moment to end what was killed, and the engine another to notice. */
async function untilRunners(engine: OpenEngine, containerId: string, count: number): Promise<void> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const running = await countRunners(engine, containerId)
    if (running === count) return
    if (performance.now() > deadline) throw new Error(`the engine still shows ${running} runners, not ${count}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** What the driver has no need of is asked from the engine's own API. */
function askEngine<T>(engine: OpenEngine, route: string): Promise<T> {
  const socketPath = engine.address.replace('unix://', '')
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: route }, (response) => resolve(json(response) as Promise<T>))
    asked.on('error', reject)
    asked.end()
  })
}
