/**
 * How the bridges of an engine are reached: over a socket in a folder that the engine mounts from this machine, or through exec
 * of a relay. Owns: finding out, once in a process. Must not know: sandboxes, connections.
 */
import type { Logger } from '../../../../logger.ts'
import type { ContainerEngine } from '../engine/engine.ts'
import { probeSocket, removeAbandonedProbes } from './probe-socket.ts'

export type Reach = 'socket' | 'relay'

export interface Finding {
  reach: Reach
  /** Completes "because ..." for a person. */
  why: string
}

export interface ReachFinder {
  /** Looks at the engine, and where that does not settle it, tries. What fails (engine away, image missing) is tried again next time. */
  find(image: string): Promise<Finding>
  /** Null before it was found. */
  found(): Finding | null
}

export interface ReachParts {
  engine: ContainerEngine
  socketRoot: string
  logger: Logger
  /** Not found out but given. */
  fixed?: Reach | undefined
}

export function createReachFinder({ engine, socketRoot, logger, fixed }: ReachParts): ReachFinder {
  let found: Finding | null = fixed === undefined ? null : { reach: fixed, why: 'it was asked for' }
  let looking: Promise<Finding> | null = null

  const look = async (image: string) => {
    await removeAbandonedProbes(engine, socketRoot)
    const facts = { platform: process.platform, address: engine.address, ...(await engine.info()) }
    const answer = judgeFacts(facts) ?? (await probeSocket(engine, { image, socketRoot }))
    logger.info('found out how bridges are reached', { engine: engine.address, ...answer })
    return answer
  }

  return {
    found: () => found,
    find: async (image) => {
      // One at a time. What failed for one caller, whose image may be missing, does not fail for the next.
      while (looking !== null) await Promise.allSettled([looking])
      if (found !== null) return found
      looking = look(image)
      try {
        found = await looking
        return found
      } finally {
        looking = null
      }
    },
  }
}

/** With these the users inside are others outside, so that a socket's owner says nothing. */
const MAPS_USERS = /^name=(rootless|userns)\b/

export interface EngineFacts {
  /** Of this process. */
  platform: NodeJS.Platform
  /** As DOCKER_HOST would name it. */
  address: string
  operatingSystem: string
  securityOptions: string[]
}

/** Null where the facts do not rule a mounted socket out. */
export function judgeFacts({ platform, address, operatingSystem, securityOptions }: EngineFacts): Finding | null {
  const why = () => {
    if (platform !== 'linux') return 'only on Linux a mounted socket can be checked before it is used'
    if (!address.startsWith('unix://')) return `the engine is reached at ${address}, so it may have another file system`
    if (operatingSystem === 'Docker Desktop') return 'Docker Desktop runs containers in a virtual machine'
    if (securityOptions.some((option) => MAPS_USERS.test(option)))
      return 'the engine maps users (rootless or userns-remap)'
    return null
  }
  const reason = why()
  return reason === null ? null : { reach: 'relay', why: reason }
}
