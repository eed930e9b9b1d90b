/** Ends of a run that the control plane says itself, when no bridge is there to say them. */
import type { DoneReason } from '../../../container/contract/events.ts'
import type { StatusDetail } from '../../domain/agent.ts'
import type { LogTransaction } from '../../store/stores.ts'
import type { Parts } from '../context.ts'

/** Of an agent without a sandbox: no decision, no work that leaves, no pull request. */
export const NOTHING_AWAITED = { needs: null, divergence: null, undeliveredRunId: null, deliveryAskedAt: null } as const

/** Ends the agent's open run, if it has one. The first end stored wins. */
export async function endOpenRun(
  parts: Pick<Parts, 'clock'>,
  tx: LogTransaction,
  end: { reason: DoneReason; message: string },
): Promise<void> {
  const run = await tx.openRun()
  if (!run) return
  const now = parts.clock.now()
  await tx.updateRun(run.id, { status: 'ENDED', reason: end.reason, endedAt: now })
  const durationMs = run.startedAt === null ? 0 : Math.max(0, now.getTime() - run.startedAt.getTime())
  const { steps, inputTokens, outputTokens } = run
  // What the bridge never had leaves nothing behind.
  if (run.status === 'RUNNING') tx.update({ undeliveredRunId: run.id })
  tx.appendOwn('done', { ...end, steps, inputTokens, outputTokens, durationMs }, run.id)
}

/** A sandbox that floods its log is stopped as if a person had: its run ends, and the container goes, by its worker. */
export async function giveUpSandbox(
  parts: Pick<Parts, 'clock'>,
  tx: LogTransaction,
  { code, message }: { code: string; message: string },
): Promise<void> {
  await endOpenRun(parts, tx, { reason: 'failed', message })
  if (tx.agent.desired !== 'purged') tx.update({ desired: 'stopped' })
  setStatus(tx, 'STOPPING', { code, message })
}

/** The agent is wanted up: a stop or a sleep that could not be done before is taken back. */
export function setStarting(tx: LogTransaction) {
  if (tx.agent.desired === 'stopped' || tx.agent.desired === 'asleep') tx.update({ desired: null })
  setStatus(tx, 'STARTING')
}

/** The agent's status, with its event. */
export function setStatus(
  tx: LogTransaction,
  status: LogTransaction['agent']['status'],
  detail: StatusDetail | null = null,
) {
  tx.update({ status, statusDetail: detail })
  const { stage, code, message, logTail } = detail ?? {}
  tx.append('status', {
    status,
    ...(stage !== undefined && { stage }),
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
    ...(logTail !== undefined && { logTail }),
  })
}
