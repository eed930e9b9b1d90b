/** The process driver on this machine, with stand-ins for bridge and runner; everything it makes is gone after `close`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { machineVariables } from '../../lib/config.ts'
import type { ProgramEntries } from '../../lib/drivers/sandbox/bundle-programs.ts'
import type { SandboxDriver, SandboxLabels } from '../../lib/drivers/sandbox/port.ts'
import { createProcessDriver } from '../../lib/drivers/sandbox/process/create-process-driver.ts'
import { type Logger, silentLogger } from '../../lib/logger.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import type { SandboxRig } from '../contract/sandbox-driver.ts'

export interface ProcessRig extends SandboxRig {
  /** Where the driver keeps everything. */
  root: string
  /** Another driver on the same folder: as a control plane that was started again has it. */
  openDriver(options?: { logger?: Logger }): SandboxDriver
  /** Where the agent's folder of that path in a container is. */
  folderOf(sandbox: SandboxLabels, containerPath: string): string
}

const fixture = (name: string) => path.join(projectDirectory, 'tests/fixtures', name)
const standIns: ProgramEntries = { bridge: fixture('stand-in-bridge.ts'), runner: fixture('stand-in-runner.ts') }

export interface ProcessRigOptions {
  /** Beside `good`, which has stand-ins, and `broken`. */
  images?: Record<string, ProgramEntries>
  /** Of the machine that the driver is told of; default: this one's. */
  machine?: Record<string, string>
  /** A folder more on the way to what is kept: for long paths. */
  under?: string
}

export async function makeProcessRig(options: ProcessRigOptions = {}): Promise<ProcessRig> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'berth-process-driver-'))
  const root = path.join(base, options.under ?? '', 'sandboxes')
  const images = { good: standIns, broken: { ...standIns, bridge: fixture('broken-bridge.ts') }, ...options.images }
  const openDriver = ({ logger = silentLogger } = {}) =>
    createProcessDriver({
      root,
      project: projectDirectory,
      images,
      machine: options.machine ?? machineVariables(),
      extraCaFile: null,
      logger,
    })
  const driver = openDriver()
  const agentFolder = ({ installationId, agentId }: { installationId: string; agentId: string }) =>
    path.join(root, installationId, agentId)
  const folderOf = (sandbox: SandboxLabels, containerPath: string) => {
    const moved = containerPath.replace(/^\/home\/agent/, '/home').slice(1)
    return path.join(agentFolder(sandbox), moved)
  }
  return {
    driver,
    root,
    openDriver,
    folderOf,
    image: 'good',
    brokenImage: { name: 'broken' },
    killOutside: async (sandbox) => {
      for (const pid of findPrograms(sandbox, 'bridge.cjs')) process.kill(pid, 'SIGKILL')
    },
    killRunner: async (sandbox) => {
      for (const pid of findPrograms(sandbox, 'runner.cjs')) process.kill(pid, 'SIGKILL')
      await untilGone(() => findKeepers(sandbox, 'runner.cjs'))
    },
    countRunners: async (sandbox) => findKeepers(sandbox, 'runner.cjs').length,
    writeFile: (sandbox, file, text) => writeFile(folderOf(sandbox, file), text),
    readFile: async (sandbox, file) => {
      const found = folderOf(sandbox, file)
      return existsSync(found) ? readFile(found, 'utf8') : null
    },
    hasVolumes: async (owner) =>
      ['workspace', 'home', 'state'].some((part) => existsSync(path.join(agentFolder(owner), part))),
    close: async () => {
      await driver.close()
      await rm(base, { recursive: true, force: true })
    },
  }
}

const markOf = ({ incarnation }: SandboxLabels) => `BERTH_INCARNATION=${incarnation}`

/** Pids of a program of the sandbox, looked for behind the driver's back. One that was just started may still be its keeper's copy. */
export function findPrograms(sandbox: SandboxLabels, program: string): number[] {
  return findProcesses(markOf(sandbox)).filter((pid) => {
    const [command = '', file = ''] = read(pid, 'cmdline').split('\0')
    return path.basename(command) === 'node' && path.basename(file) === program
  })
}

/** Pids of the shells that keep a program: each is there from before it to after its end. */
function findKeepers(sandbox: SandboxLabels, program: string): number[] {
  const marked = findProcesses(markOf(sandbox))
  return marked.filter((pid) => {
    const [command, ...words] = read(pid, 'cmdline').split('\0')
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(read(pid, 'status'))?.[1])
    return command === '/bin/sh' && words.some((word) => word.endsWith(`/${program}`)) && !marked.includes(parent)
  })
}

/** Pids of processes that are alive and have a variable that begins so in their environment; with `within`, and in it. */
export function findProcesses(beginning: string, within = ''): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) =>
        read(pid, 'environ')
          .split('\0')
          .some((entry) => entry.startsWith(beginning) && entry.includes(within)) &&
        !/^State:\s+[ZX]/m.test(read(pid, 'status')),
    )
}

/** The kernel takes a moment to end what was killed. */
export async function untilGone(find: () => number[]): Promise<void> {
  const deadline = performance.now() + 5_000
  while (find().length > 0) {
    if (performance.now() > deadline) throw new Error(`processes ${find().join(', ')} are still there`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code)))
      return ''
    throw error
  }
}
