/**
 * What follows on a step that failed: tried again where its failure says nothing of the sandbox, made anew where the sandbox was
 * lost under a run, else given up with the reason. Owns: how often a run may lose its sandbox. Must not know: what the step does.
 */
import type { Agent, Run, StatusDetail } from '../../domain/agent.ts'
import type { Step } from '../../domain/next-step.ts'
import { BerthError, isBerthError, isDatabaseAway, isLeaseLost } from '../../errors.ts'
import type { Parts } from '../context.ts'
import { writeAsHolder } from '../event/write.ts'
import type { Convergence } from './converge.ts'
import { endOpenRun, NOTHING_AWAITED, setStatus } from './end-run.ts'
import { removeContainers } from './take-down.ts'

/** How often a run is continued by itself after its sandbox was lost. */
const MAX_CONTINUATIONS = 1
const LOG_TAIL_LINES = 50

/** Steps that need no sandbox that lives. */
const ENDS: readonly Step[] = ['take_down', 'purge']
/** Steps that another sandbox can take for the run. */
const REMADE: readonly Step[] = ['begin', 'attach', 'deliver']

export interface Failure {
  work: Convergence
  step: Step
  /** As they were when the step began. */
  agent: Agent
  run: Run | null
  connected: boolean
  /** A sandbox was made anew in this turn already. */
  isReplaced: boolean
  /** Of the lease that it held. */
  fence: number
  error: unknown
}

/**
 * `again`: what the connection was worth shows when it is made anew. `anew`: the lost sandbox is taken away and counted, and the
 * next step makes another one. `later`: something outside is away. `done`: nothing more is to be done for now.
 */
export async function afterFailure(failure: Failure): Promise<'again' | 'anew' | 'later' | 'done'> {
  const { work, step, connected, error } = failure
  // Given up for a wish that came meanwhile: the next turn sees it in the row.
  if (work.signal.aborted) return 'done'
  if (isLeaseLost(error)) {
    await leave(failure)
    return 'done'
  }
  if (saysNothingOfTheSandbox(failure)) {
    await leave(failure)
    return 'later'
  }
  if (step === 'begin' && isBerthError(error) && error.code === 'engine_unreachable') {
    await waitForEngine(failure, error)
    return 'later'
  }
  if (connected && isBroken(error, step)) {
    await leave(failure)
    return 'again'
  }
  if ((await work.parts.holdings.acquire(work.agentId)) !== failure.fence) {
    // Whoever took it over looks after what there is: nothing of that may be taken away from here.
    await leave(failure)
    return 'later'
  }
  if (isLoss(error) && (await takeLoss(failure))) return 'anew'
  await fail(failure)
  return 'done'
}

/** Whether a run that loses its sandbox goes on by itself. */
export function mayContinue(run: Pick<Run, 'continuedCount'>): boolean {
  return run.continuedCount < MAX_CONTINUATIONS
}

/** The connection went; what it was to may be as good as before. A sandbox that is there and does not answer is not. */
function isBroken(error: unknown, step: Step): boolean {
  if (!isBerthError(error) || error.code !== 'sandbox_lost' || ENDS.includes(step)) return false
  return error.details?.timeoutMs === undefined || !REMADE.includes(step)
}

/** What a sandbox that goes away under a step leaves of it; a start that its driver gave up looks no different from outside. */
function isLoss(error: unknown): boolean {
  if (!isBerthError(error)) return false
  return error.code === 'sandbox_lost' || (error.code === 'start_failed' && error.details?.stage === 'container')
}

/** The engine or the database is away, or the code is wrong: what runs, or waits, in the sandbox goes on meanwhile. */
function saysNothingOfTheSandbox({ error, step, agent }: Failure): boolean {
  if (isDatabaseAway(error)) return true
  if (agent.status !== 'RUNNING' && agent.status !== 'READY') return false
  if (!['attach', 'cancel', 'attend', 'deliver', 'deliver_asked', 'sleep'].includes(step)) return false
  return !isBerthError(error) || error.code === 'engine_unreachable'
}

/** Without its connection: it is made anew when the step is tried again. */
async function leave({ work, step, error }: Failure): Promise<void> {
  work.parts.logger.warn('a step of an agent is tried again later', { agentId: work.agentId, step, error })
  await closeConnection(work)
}

async function closeConnection(work: Convergence): Promise<void> {
  const connection = work.connection()
  work.setConnection(null)
  await connection?.close()
}

/** The agent says what is missing, once, and its run waits: it begins when the engine answers, or a person takes it back. */
async function waitForEngine({ work, error }: Failure, away: BerthError): Promise<void> {
  const { parts, agentId } = work
  await closeConnection(work)
  await writeAsHolder(parts, agentId, (tx) => {
    const { desired, status, statusDetail } = tx.agent
    if (desired !== null || (status === 'FAILED' && statusDetail?.code === away.code)) return
    parts.logger.warn('a run waits for the engine', { agentId, error })
    setStatus(tx, 'FAILED', toStatusDetail(away, statusDetail))
  })
}

/**
 * The container goes, whatever state it is in, so that nothing of it is met again; volumes stay. False where there is no run to
 * go on with, or it was continued before.
 */
async function takeLoss(failure: Failure): Promise<boolean> {
  const { work, step, run, isReplaced, error } = failure
  const { parts, agentId } = work
  if (!REMADE.includes(step) || (step === 'attach' && isReplaced)) return false
  const lost = step === 'deliver' ? await findUndelivered(failure) : run
  // Read again: the step may have counted a loss itself.
  const current = lost && (await parts.stores.runs.find(lost.id))
  if (!current || !mayContinue(current)) return false
  parts.logger.warn('the sandbox of a run was lost; it gets another one', { agentId, step, error })
  await closeConnection(work)
  await removeContainers(parts, agentId)
  // A run that is attached to is counted as it is continued.
  if (step !== 'attach') await countLoss(parts, current)
  return true
}

async function findUndelivered({ work, agent }: Failure): Promise<Run | null> {
  return agent.undeliveredRunId === null ? null : await work.parts.stores.runs.find(agent.undeliveredRunId)
}

/** Stored before anything is done about it: a control plane that dies now leaves the next one knowing. */
export async function countLoss(parts: Convergence['parts'], run: Run): Promise<void> {
  await writeAsHolder(parts, run.agentId, (tx) => tx.updateRun(run.id, { continuedCount: run.continuedCount + 1 }))
}

/** No sandbox can be had: the run ends, and the agent says why and at which stage. Nothing of the try is left but volumes. */
async function fail({ work, step, error }: Failure): Promise<void> {
  const { parts, agentId } = work
  parts.logger.warn('a step of an agent failed', { agentId, step, error })
  const known = isBerthError(error)
    ? error
    : new BerthError('start_failed', 'The sandbox could not be made ready: an unexpected error, which the log names.', {
        cause: error,
      })
  await closeConnection(work)
  const told = Array.isArray(known.details?.logTail) ? known.details.logTail.map(String) : []
  const logTail = told.length > 0 ? told : await readLogTail(parts, agentId)
  await removeContainers(parts, agentId).catch((cause: unknown) =>
    parts.logger.warn('the container of a failed start could not be removed', { agentId, error: cause }),
  )
  await writeAsHolder(parts, agentId, async (tx) => {
    const run = await tx.openRun()
    const detail = { ...toStatusDetail(known, tx.agent.statusDetail), ...(logTail.length > 0 && { logTail }) }
    const reason = run?.cancelRequestedAt ? 'cancelled' : run?.startedAt ? 'sandbox_lost' : 'failed'
    await endOpenRun(parts, tx, { reason, message: known.message })
    // What a person chose was about a workspace that may be another one by the next try.
    tx.update(NOTHING_AWAITED)
    setStatus(tx, 'FAILED', detail)
  })
}

/** What went wrong, and at which stage of a start. */
function toStatusDetail({ code, message, hint }: BerthError, before: StatusDetail | null): StatusDetail {
  return { ...(before?.stage && { stage: before.stage }), code, message, ...(hint !== undefined && { hint }) }
}

/** What the container said last, before it goes; nothing where it cannot be asked. */
async function readLogTail(parts: Pick<Parts, 'driver' | 'installationId' | 'logger'>, agentId: string) {
  try {
    const [sandbox] = await parts.driver.list({ installationId: parts.installationId, agentId })
    return sandbox ? await parts.driver.logs(sandbox, LOG_TAIL_LINES) : []
  } catch (error) {
    parts.logger.warn('the log of a failed start could not be read', { agentId, error })
    return []
  }
}
