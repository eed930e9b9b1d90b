/** The Docker engine: whether it answers, where it is, and what of it makes them slower or less safe. */
import { access, constants } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { EngineDetails } from '../../../lib/drivers/sandbox/docker/engine/engine.ts'
import type { OpenEngine } from '../../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { judgeFacts } from '../../../lib/drivers/sandbox/docker/reach/reach.ts'
import { isBerthError } from '../../../lib/errors.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'
import { isOlder } from './programs.ts'

export interface EngineFacts {
  /** As DOCKER_HOST would name it. */
  address: string
  /** Null: it did not answer, and `failure` says why. */
  details: EngineDetails | null
  failure: { words: string; hint: string } | null
  /** Why its bridges are reached through exec; null: over a socket, as far as can be told without a try. */
  relayedBecause: string | null
  /** Its machine has this one's name, and it is reached without a network. */
  isLocal: boolean
  /** Docker's own programs are installed here. */
  isInstalled: boolean
}

export const NO_ANSWER_MS = 8_000

/** Never rejects for an engine that does not answer. */
export async function readEngine(engine: OpenEngine, searchPath: string): Promise<EngineFacts> {
  const { address } = engine
  const isInstalled = await isOnPath(['dockerd', 'docker'], `${searchPath}:/usr/sbin:/usr/local/bin`)
  const base = { address, isInstalled, isLocal: false, details: null, failure: null, relayedBecause: null }
  try {
    const details = await inTime(engine.inspectEngine(), address)
    const isNear = address.startsWith('unix://') || isLoopback(address)
    return {
      ...base,
      details,
      relayedBecause: judgeFacts({ platform: process.platform, address, ...details })?.why ?? null,
      isLocal: isNear && details.hostName === os.hostname(),
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const hint = isBerthError(error) ? (error.hint ?? '') : ''
    return { ...base, failure: { words: error.message, hint } }
  }
}

export function judgeEngine(facts: EngineFacts): Finding[] {
  const { address, details, failure, relayedBecause, isLocal, isInstalled } = facts
  if (details === null) {
    const install =
      !isInstalled && address === 'unix:///var/run/docker.sock'
        ? 'Install Docker: sudo apt-get install docker.io, or https://docs.docker.com/engine/install/'
        : null
    const advice =
      install ?? (failure?.hint || 'Start it again: sudo systemctl restart docker; or name another one in DOCKER_HOST.')
    return [problem(failure?.words ?? `No answer from ${address}.`, advice, 'there is no Docker engine')]
  }
  const where = isLocal
    ? 'on this machine'
    : `on another machine or in a virtual one (${details.hostName || 'no name'})`
  const how = relayedBecause === null ? '' : `; bridges are reached through exec: ${relayedBecause}`
  return [ok(`${describe(details)} at ${address}, ${where}${how}`), ...warn(details), ...warnOfAddress(address)]
}

function describe({ product, version, apiVersion, storageDriver, cgroupVersion }: EngineDetails): string {
  return `${product} ${version} (API ${apiVersion}, ${storageDriver}, cgroup v${cgroupVersion})`
}

const OLDEST_API = [1, 41]
const SLOW_STORAGE = new Set(['vfs', 'devicemapper', 'aufs'])

function warn(details: EngineDetails): Finding[] {
  const { product, version, apiVersion, storageDriver, cgroupVersion, enforces, securityOptions } = details
  const findings: Finding[] = []
  if (product !== 'Docker') {
    findings.push(
      warning(
        `${product} answers in Docker's place: Berth is not tried with it`,
        'Use Docker: https://docs.docker.com/engine/install/',
      ),
    )
  } else if (isOlder(apiVersion, OLDEST_API)) {
    findings.push(
      warning(
        `Docker ${version} is older than 20.10: Berth is not tried with it`,
        'Update it: https://docs.docker.com/engine/install/',
      ),
    )
  }
  if (SLOW_STORAGE.has(storageDriver)) {
    findings.push(
      warning(
        `The storage driver ${storageDriver} is slow and needs much disk`,
        'Use overlay2: {"storage-driver": "overlay2"} in /etc/docker/daemon.json, then sudo systemctl restart docker. Images are made anew.',
      ),
    )
  }
  if (cgroupVersion === '1') {
    findings.push(
      warning(
        'cgroup v1: limits hold, but systems and engines are giving it up',
        'Start Linux with systemd.unified_cgroup_hierarchy=1 on its command line, or update the system.',
      ),
    )
  }
  const missing = Object.entries(enforces).flatMap(([limit, holds]) => (holds ? [] : [limit]))
  if (missing.length > 0) {
    findings.push(
      warning(
        `Its kernel cannot limit a sandbox's ${missing.join(' and ')}: one agent can take all there is`,
        'Start Linux with cgroup_enable=memory cgroup_memory=1 on its command line, or use another kernel.',
      ),
    )
  }
  if (!securityOptions.some((option) => option.startsWith('name=seccomp'))) {
    findings.push(
      warning(
        "No seccomp: a sandbox can make every system call, and the kernel's mistakes are nearer",
        'Use an engine and a kernel with seccomp, and no "seccomp-profile": "unconfined" in /etc/docker/daemon.json.',
      ),
    )
  }
  return findings
}

/** Whoever reaches an engine is root on its machine. */
function warnOfAddress(address: string): Finding[] {
  if (!address.startsWith('tcp://') || isLoopback(address)) return []
  return [
    warning(
      `${address} is open to everyone who reaches it, and not encrypted`,
      'Reach it through SSH: ssh -NL /tmp/docker.sock:/var/run/docker.sock host, and DOCKER_HOST=unix:///tmp/docker.sock',
    ),
  ]
}

function isLoopback(address: string): boolean {
  return /^(tcp|https?):\/\/(localhost|127\.|\[::1\])/.test(address)
}

async function isOnPath(names: string[], searchPath: string): Promise<boolean> {
  const files = searchPath.split(':').flatMap((folder) => names.map((name) => path.join(folder, name)))
  const looks = await Promise.allSettled(files.map((file) => access(file, constants.X_OK)))
  return looks.some(({ status }) => status === 'fulfilled')
}

async function inTime<T>(asking: Promise<T>, address: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`The Docker engine at ${address} did not answer within ${NO_ANSWER_MS / 1_000} s.`)),
    NO_ANSWER_MS,
  )
  try {
    return await Promise.race([asking, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
