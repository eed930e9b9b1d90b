/** A Docker engine of the tests' own, which they may kill: another data folder, another socket, no network. Needs root. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findEngine } from '../../lib/drivers/sandbox/docker/engine/find-engine.ts'
import { readProcessTable, sendSignal, withDescendants } from '../../lib/process-table.ts'

const START_MS = 60_000
const POLL_MS = 100

export interface OwnEngine {
  /** As DOCKER_HOST names it. */
  dockerHost: string
  /** SIGKILL to the engine and its runtime: the containers and their shims are left to themselves. */
  kill(): Promise<void>
  /** Again, on the same data. Resolves when it answers. */
  start(): Promise<void>
  /** Ends it and everything of it, and removes its files. */
  close(): Promise<void>
}

/** With `image` of the ordinary engine in it. Throws what it said when it does not come up. */
export async function startOwnEngine(options: { dockerHost: string | null; image: string }): Promise<OwnEngine> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'berth-engine-'))
  const socketPath = path.join(folder, 'docker.sock')
  let child: ChildProcess | null = null
  let said = ''

  const start = async () => {
    // In a network namespace of its own: with "--bridge none" it would take the ordinary engine's bridge away.
    const dockerd = spawn(
      'unshare',
      [
        ...['--net', 'dockerd'],
        ...['--data-root', path.join(folder, 'data'), '--exec-root', path.join(folder, 'exec')],
        ...['--pidfile', path.join(folder, 'docker.pid'), '--host', `unix://${socketPath}`],
        ...['--bridge', 'none', '--iptables=false', '--ip6tables=false'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    )
    child = dockerd
    said = ''
    const take = (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-20_000)
    }
    dockerd.stdout.on('data', take)
    dockerd.stderr.on('data', take)
    const deadline = performance.now() + START_MS
    while (!(await answers(socketPath))) {
      if (dockerd.exitCode !== null || performance.now() > deadline)
        throw new Error(`The engine did not start:\n${said}`)
      await sleep(POLL_MS)
    }
  }
  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    child = null
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill(signal)
    await exited
  }
  const runtimePidFile = path.join(folder, 'exec/containerd/containerd.pid')
  const endRuntime = () => killIfThere(runtimePidFile)
  const kill = async () => {
    await end('SIGKILL')
    await endRuntime()
    // Until somebody reaps it, a dead runtime passes for a living one.
    await rm(runtimePidFile, { force: true })
  }
  const close = async () => {
    await end('SIGTERM')
    await endRuntime()
    endShims(folder)
    await unmountBelow(folder)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
    await copyImage({ from: options.dockerHost, to: socketPath, image: options.image })
  } catch (error) {
    await close()
    throw error
  }
  return { dockerHost: `unix://${socketPath}`, kill, start, close }
}

/** With what runs below them: those of containers that an engine was starting as it was killed, no engine knows of any more. */
function endShims(folder: string): void {
  const table = readProcessTable()
  const shims = table
    .map(({ pid }) => pid)
    .filter((pid) => readWords(pid).some((word) => word.startsWith(`${folder}/`)))
  for (const pid of withDescendants(new Set(shims), table)) sendSignal(pid, 'SIGKILL')
}

/** Its command line; empty when it is gone. */
function readWords(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch (error) {
    if (hasCode(error, ['ENOENT', 'ESRCH'])) return []
    throw error
  }
}

/** What an engine mounts on its own folder, one that was killed leaves there, and the next leaves what it found. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '')
  const below = mounts.filter((target) => target.startsWith(`${folder}/`))
  // Those that lie in others come after them.
  for (const target of below.toReversed()) await promisify(execFile)('umount', ['--lazy', target])
}

/** A runtime outlives a kill -9 of its engine, which a clean end takes along. */
async function killIfThere(pidFile: string): Promise<void> {
  try {
    process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, ['ENOENT', 'ESRCH'])) throw error
  }
}

function hasCode(error: unknown, codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping', timeout: 2_000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(false))
    asked.end()
  })
}

/** From engine to engine as one stream: `docker save` into `docker load`. */
function copyImage(input: { from: string | null; to: string; image: string }): Promise<void> {
  const engine = findEngine(input.from)
  const address = 'socketPath' in engine ? { socketPath: engine.socketPath } : { host: engine.host, port: engine.port }
  return new Promise((resolve, reject) => {
    const loading = request(
      {
        socketPath: input.to,
        path: '/images/load?quiet=1',
        method: 'POST',
        headers: { 'content-type': 'application/x-tar' },
      },
      (response) => {
        response.resume()
        response.once('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error('The image was not loaded.')),
        )
      },
    )
    loading.once('error', reject)
    const saving = request({ ...address, path: `/images/${encodeURIComponent(input.image)}/get` }, (response) => {
      if (response.statusCode === 200) response.pipe(loading)
      else reject(new Error(`The engine does not give the image ${input.image}: status ${response.statusCode}.`))
    })
    saving.once('error', reject)
    saving.end()
  })
}
