/** Harm to one agent's container, done to the engine or in the container itself, as soon as there is something to harm. */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BRIDGE_PROGRAM,
  bridgeUser,
  NODE,
  RUNNER_PROGRAM,
  runnerCommand,
} from '../../lib/drivers/sandbox/docker/container-config.ts'
import { isRefusal } from '../../lib/drivers/sandbox/docker/engine/engine.ts'
import { findEngine } from '../../lib/drivers/sandbox/docker/engine/find-engine.ts'
import { openEngine } from '../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { openE2eEngine } from '../support/e2e-engine.ts'

/** A moment may come before what it is to strike. */
const THERE_MS = 30_000
const LOOK_EVERY_MS = 5

/** Each takes the agent's id, and resolves when the harm is done. */
export interface ContainerStrikes {
  killBridge(agentId: string): Promise<void>
  killRunner(agentId: string): Promise<void>
  kill(agentId: string): Promise<void>
  remove(agentId: string): Promise<void>
}

export function createContainerStrikes(dockerHost: string | null): ContainerStrikes {
  const engine = openEngine(dockerHost)
  const inside = openE2eEngine({ dockerHost, installationId: null })

  /** False where it does not run. By the whole command line, which the container's init has as its last words only. */
  const killProgram = async (agentId: string, { user, program }: { user: string; program: string }) => {
    const [container] = await engine.listContainers([`berth.agent=${agentId}`])
    if (container?.state !== 'running') return false
    try {
      const killing = `pkill -9 -f '^${NODE} ${program}$'`
      return (await inside.sh(agentId, killing, { user, directory: '/' })).exitCode === 0
    } catch (error) {
      // It ended meanwhile.
      if (isRefusal(error, 404) || isRefusal(error, 409)) return false
      throw error
    }
  }
  /** False where there is none, or what is asked cannot be done to it. */
  const askOfContainer = async (agentId: string, { method, what }: { method: string; what: string }) => {
    const [container] = await engine.listContainers([`berth.agent=${agentId}`])
    if (container === undefined) return false
    return (await askEngine(engine.address, { method, route: `/containers/${container.id}${what}` })) < 300
  }
  return {
    killBridge: (agentId) => untilDone(() => killProgram(agentId, { user: bridgeUser, program: BRIDGE_PROGRAM })),
    killRunner: (agentId) =>
      untilDone(() => killProgram(agentId, { user: runnerCommand.user, program: RUNNER_PROGRAM })),
    kill: (agentId) => untilDone(() => askOfContainer(agentId, { method: 'POST', what: '/kill' })),
    remove: (agentId) => untilDone(() => askOfContainer(agentId, { method: 'DELETE', what: '?force=true&v=false' })),
  }
}

async function untilDone(strike: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + THERE_MS
  while (!(await strike())) {
    if (performance.now() > deadline) throw new Error(`There was nothing to strike within ${THERE_MS / 1_000} s.`)
    await sleep(LOOK_EVERY_MS)
  }
}

/** The status of the answer. */
function askEngine(dockerHost: string, { method, route }: { method: string; route: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...findEngine(dockerHost), method, path: route }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    asked.once('error', reject)
    asked.end()
  })
}
