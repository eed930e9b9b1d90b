/** Memory and cores: what one sandbox may use against what its engine, or this machine, has. */
import os from 'node:os'
import { type Finding, formatBytes, ok, problem, warning } from '../finding.ts'

export interface SizeFacts {
  memoryBytes: number
  nanoCpus: number
  /** What sandboxes run on: the engine's machine, or this one where there is no engine. */
  host: { memoryBytes: number; cpus: number }
  /** An engine that refuses what it cannot give; false for sandboxes that are processes. */
  hasEngine: boolean
  /** Docker Desktop: a virtual machine whose size is a setting. */
  isDesktop: boolean
  /** Berth and its database run there too. */
  isShared: boolean
}

/** This machine's memory, or less where a limit is put on this process. */
export function readThisMachine(): SizeFacts['host'] {
  const limit = process.constrainedMemory()
  const memoryBytes = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem()
  return { memoryBytes, cpus: os.availableParallelism() }
}

/** What the control plane, the embedded database and the system want beside the sandboxes. */
const OWN_BYTES = 2 ** 30
/** A compiler or a test run in less than this is killed often. */
const SMALL_BYTES = 512 * 2 ** 20
/** The engine's own smallest (it answers "Minimum memory limit allowed is 6MB"). */
const SMALLEST_BYTES = 6 * 2 ** 20
const SMALLEST_NANO_CPUS = 10_000_000

export function judgeSize(facts: SizeFacts): Finding[] {
  const refusal = whyRefused(facts)
  return refusal === null ? judgeMemory(facts) : [refusal]
}

function whyRefused({ memoryBytes, nanoCpus, host, hasEngine }: SizeFacts): Finding | null {
  if (!hasEngine) return null
  const because = 'the engine would refuse to make a sandbox of this size'
  if (nanoCpus > host.cpus * 1e9) {
    return problem(
      `DEFAULT_CONTAINER_CPU gives a sandbox ${nanoCpus / 1e9} CPUs, and the engine has ${host.cpus}`,
      `Set DEFAULT_CONTAINER_CPU to ${host.cpus}000000000 or less (it counts billionths of a CPU).`,
      because,
    )
  }
  if (nanoCpus < SMALLEST_NANO_CPUS || memoryBytes < SMALLEST_BYTES) {
    return problem(
      `A sandbox would have ${memoryBytes} bytes of memory and ${nanoCpus} billionths of a CPU, less than the engine allows`,
      'Leave out DEFAULT_CONTAINER_MEMORY (bytes) and DEFAULT_CONTAINER_CPU (billionths of a CPU) to have 2 GiB and 1 CPU.',
      because,
    )
  }
  return null
}

function judgeMemory({ memoryBytes, nanoCpus, host, isDesktop, isShared }: SizeFacts): Finding[] {
  const own = isShared ? OWN_BYTES : 0
  const most = Math.floor((host.memoryBytes - own) / memoryBytes)
  const each = `A sandbox may use ${formatBytes(memoryBytes)} and ${nanoCpus / 1e9} CPU`
  const all = `${formatBytes(host.memoryBytes)} and ${host.cpus}`
  const smaller = `set DEFAULT_CONTAINER_MEMORY (bytes) lower, or use a machine with more memory.`
  if (most < 1) {
    const advice = isDesktop
      ? `Give its virtual machine more: Docker Desktop, Settings, Resources, Memory; or ${smaller}`
      : smaller.replace('set', 'Set')
    const beside = isShared ? ' beside Berth and its database' : ''
    return [warning(`${each}; there is ${all}, too little for one of them${beside}`, advice)]
  }
  if (memoryBytes < SMALL_BYTES) {
    return [
      warning(
        `${each}: builds and tests are soon killed for want of memory`,
        'Set DEFAULT_CONTAINER_MEMORY to 2147483648 (2 GiB).',
      ),
    ]
  }
  return [ok(`${each}; there is ${all}: ${most} can use all of theirs at once`)]
}
