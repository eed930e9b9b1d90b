/** A control plane in a process of its own, as `npm start` runs it: for tests that kill it. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { locateEmbedded, runsAsRoot } from '../../lib/store/embedded/location.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'

const START_MS = 60_000
const END_MS = 30_000

export interface ControlPlaneProcess {
  url: string
  pid: number
  /** Everything that it wrote so far. */
  said(): string
  /** SIGKILL: nothing is closed, nobody is told. Resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGSTOP: it is there and does nothing, as on a machine that sleeps. */
  pause(): void
  /** SIGCONT: it goes on as if no time had passed. */
  unpause(): void
  /** SIGTERM; answers the exit code. Harmless when it has ended already. */
  stop(): Promise<number | null>
}

/** Resolves when it says where it is. Throws what it said when it ends before, or says nothing in time. */
export async function startControlPlaneProcess(env: Record<string, string>): Promise<ControlPlaneProcess> {
  const child = spawn(process.execPath, [path.join(projectDirectory, 'scripts/serve.ts')], {
    cwd: projectDirectory,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let said = ''
  const ready = Promise.withResolvers<string>()
  const take = (chunk: Buffer) => {
    said += chunk.toString('utf8')
    const url = /Berth is at (http\S+)/.exec(said)?.[1]
    if (url !== undefined) ready.resolve(url)
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const timer = setTimeout(() => ready.reject(new Error(`Berth did not start in time. It said:\n${said}`)), START_MS)
  void exited.then(() => ready.reject(new Error(`Berth ended at its start. It said:\n${said}`)))
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    const late = setTimeout(() => child.kill('SIGKILL'), END_MS)
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
    clearTimeout(late)
    return child.exitCode
  }
  try {
    const url = await ready.promise
    return {
      url,
      pid: child.pid ?? 0,
      said: () => said,
      kill: async () => void (await end('SIGKILL')),
      pause: () => void child.kill('SIGSTOP'),
      unpause: () => void child.kill('SIGCONT'),
      stop: () => end('SIGTERM'),
    }
  } catch (error) {
    await end('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** `npm run token`, beside the running server. */
export async function makeToken(env: Record<string, string>): Promise<string> {
  const script = path.join(projectDirectory, 'scripts/token.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'a test'], {
    env: { ...process.env, ...env },
  })
  return stdout.trim()
}

/** The process id of the data folder's embedded server, from its own lock file; null when there is none. */
export async function findDatabasePid(dataDirectory: string): Promise<number | null> {
  try {
    const { cluster } = locateEmbedded(dataDirectory, runsAsRoot())
    return Number((await readFile(path.join(cluster, 'postmaster.pid'), 'utf8')).split('\n')[0])
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
