/**
 * One worker for each agent that has anything to do. Owns: which agents are being worked on in this process, and their live
 * connections. Everything it knows can be found again from the rows and the containers' labels.
 */
import { BerthError } from '../../errors.ts'
import { causeChain } from '../../logger.ts'
import type { WorkerParts } from '../context.ts'
import type { SandboxConnection } from '../sandbox/connection.ts'
import { converge } from './converge.ts'

export interface Supervisor {
  /** The row says something new: bring the sandbox in line, soon. */
  wake(agentId: string): void
  /** Gives up what is under way (a start, say) because a wish came that makes it needless, then wakes. */
  interrupt(agentId: string): void
  /** Somebody else does what there is to do from now on: the connection is closed, and what is under way given up. */
  letGo(agentId: string): void
  /** Wakes, and resolves when nothing is left to do. */
  settle(agentId: string): Promise<void>
  /** The live connection, or null. */
  connection(agentId: string): SandboxConnection | null
  /** Runs `work` if the agent's worker rests, and keeps it resting meanwhile. Null, with nothing done, while it is at work. */
  ifResting<T>(agentId: string, work: () => Promise<T>): Promise<T | null>
  /** Looks at every agent that may need something; at boot and every minute. */
  reconcile(): Promise<void>
  /** Lets go of every connection. Sandboxes and their runs go on. */
  close(): Promise<void>
}

/** After a failure, or a connection that broke at once: tried again soon, then less and less often. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A connection that lasted so long was a good one. */
const GOOD_CONNECTION_MS = 10_000

interface Worker {
  /** Failures in a row. */
  failures: number
  connection: SandboxConnection | null
  abort: AbortController
  /** Asked again while it worked. */
  again: boolean
  working: Promise<void> | null
}

/** What is thrown in the middle of what was given up; a person may be waiting for it. */
function givenUp(message: string): BerthError {
  return new BerthError('state_conflict', message, { hint: 'Look at the agent, then ask again.' })
}

export function createSupervisor(parts: WorkerParts): Supervisor {
  const workers = new Map<string, Worker>()
  let closing = false
  const ending = new AbortController()

  const workerOf = (agentId: string): Worker => {
    const known = workers.get(agentId)
    if (known) return known
    const worker: Worker = { failures: 0, connection: null, abort: new AbortController(), again: false, working: null }
    workers.set(agentId, worker)
    return worker
  }

  const setConnection = (agentId: string, connection: SandboxConnection | null) => {
    const worker = workerOf(agentId)
    worker.connection = connection
    const beganMs = parts.clock.monotonicMs()
    void connection?.closed.then(() => {
      if (worker.connection !== connection) return
      worker.connection = null
      if (parts.clock.monotonicMs() - beganMs < GOOD_CONNECTION_MS) return wakeLater(agentId, worker)
      worker.failures = 0
      wake(agentId)
    })
  }

  const work = async (agentId: string, worker: Worker) => {
    let outcome: 'done' | 'later'
    do {
      worker.again = false
      worker.abort = new AbortController()
      outcome = await converge({
        parts,
        agentId,
        signal: worker.abort.signal,
        connection: () => worker.connection,
        setConnection: (connection) => setConnection(agentId, connection),
        onRunEnded: () => wake(agentId),
      })
    } while (worker.again && !closing)
    return outcome
  }

  /** Not at once: a bridge that accepts and drops, or a database that is away, must not be asked without end. */
  const wakeLater = (agentId: string, worker: Worker) => {
    if (closing) return
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** worker.failures)
    worker.failures += 1
    // Kept meanwhile, so that it knows how often it failed.
    workers.set(agentId, worker)
    parts.clock.sleep(pauseMs, ending.signal).then(
      () => wake(agentId),
      () => undefined,
    )
  }

  const wake = (agentId: string) => {
    if (closing) return
    const worker = workerOf(agentId)
    worker.again = true
    if (worker.working) return
    worker.working = work(agentId, worker)
      .then(
        (outcome) => {
          if (outcome === 'later') wakeLater(agentId, worker)
          else if (!worker.connection) worker.failures = 0
        },
        (error: unknown) => {
          parts.logger.error('the worker of an agent failed', { agentId, error: causeChain(error) })
          wakeLater(agentId, worker)
        },
      )
      .finally(() => {
        worker.working = null
        if (worker.again && !closing) wake(agentId)
        else if (!worker.connection && worker.failures === 0) workers.delete(agentId)
      })
  }

  const settle = async (agentId: string) => {
    wake(agentId)
    for (let worker = workers.get(agentId); worker?.working; worker = workers.get(agentId)) await worker.working
  }

  return {
    wake,
    settle,
    async ifResting(agentId, task) {
      const worker = workerOf(agentId)
      if (worker.working) return null
      const running = task()
      worker.working = running
        .then(
          () => undefined,
          () => undefined,
        )
        .finally(() => {
          worker.working = null
          if (worker.again && !closing) wake(agentId)
          else if (!worker.connection && worker.failures === 0) workers.delete(agentId)
        })
      return await running
    },
    interrupt(agentId) {
      workers.get(agentId)?.abort.abort(givenUp('The agent was told to do something else meanwhile.'))
      wake(agentId)
    },
    letGo(agentId) {
      const worker = workers.get(agentId)
      worker?.abort.abort(givenUp('Another control plane has taken over the agent.'))
      worker?.connection
        ?.close()
        .catch((error: unknown) => parts.logger.warn('a connection closed badly', { agentId, error }))
    },
    connection: (agentId) => workers.get(agentId)?.connection ?? null,
    async reconcile() {
      for (const agent of await parts.stores.agents.listUnsettled()) wake(agent.id)
    },
    async close() {
      closing = true
      ending.abort(new Error('the control plane is closing'))
      const open = [...workers.values()]
      for (const worker of open) worker.abort.abort(givenUp('The control plane is closing.'))
      await Promise.all(open.map((worker) => worker.working))
      await Promise.all(open.map((worker) => worker.connection?.close()))
      workers.clear()
    },
  }
}
