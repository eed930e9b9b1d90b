/** Takes what a bridge's journal says into the log, and brings the run up to date in the same transaction. */
import { cleanText, type DoneReason, type JournalEvent } from '../../../container/contract/events.ts'
import { acceptJournalEvent, MAX_RUN_JOURNAL_BYTES, rejectMalformed } from '../../domain/journal-acceptance.ts'
import type { LogTransaction } from '../../store/stores.ts'
import { giveUpSandbox } from '../agent/end-run.ts'
import type { Parts } from '../context.ts'
import { type HolderParts, writeAsHolder } from './write.ts'

export type JournalLine = { event: JournalEvent } | { malformed: string; n: number }

export interface AcceptedLines {
  /** Number that the bridge should have sent, when it skipped some. */
  gap: number | null
  /** A run of the agent ended in these lines. */
  runEnded: boolean
  /** The rest is not taken: the sandbox has written more than a run may. Its end is on record. */
  isFull: boolean
}

/** Stores the lines in one transaction. Lines stored before are passed over; after a gap nothing more is taken. */
export async function acceptJournal(
  parts: HolderParts & Pick<Parts, 'clock'>,
  input: { agentId: string; journalId: string; lines: JournalLine[] },
): Promise<AcceptedLines> {
  return await writeAsHolder(parts, input.agentId, async (tx) => {
    const outcome: AcceptedLines = { gap: null, runEnded: false, isFull: false }
    for (const line of input.lines) {
      if (tx.journalBytes >= MAX_RUN_JOURNAL_BYTES) {
        await giveUpSandbox(parts, tx, { code: 'log_full', message: LOG_FULL })
        return { ...outcome, isFull: true }
      }
      const n = 'event' in line ? line.event.n : line.n
      const acceptance = acceptJournalEvent(
        tx.journal,
        input.journalId,
        'event' in line ? line.event : { n, type: 'malformed', runId: null, at: new Date().toISOString(), data: {} },
      )
      if (acceptance.accept === 'gap') return { ...outcome, gap: acceptance.expected }
      if (acceptance.accept === 'skip') continue
      sayNewJournal(tx, input.journalId)
      if (!('event' in line)) {
        const { data } = rejectMalformed(line.malformed)
        tx.appendJournal(input.journalId, n, { type: 'error', runId: null, at: new Date().toISOString(), data })
        continue
      }
      const { at } = line.event
      const runId = cleanText(line.event.runId)
      if (acceptance.accept === 'reject') {
        tx.appendJournal(input.journalId, n, { type: 'error', runId, at, data: acceptance.data })
        continue
      }
      const event = { type: acceptance.type, runId, at, data: acceptance.data }
      const stored = await applyToRun(tx, event)
      tx.appendJournal(input.journalId, n, stored ? event : null)
      if (stored && event.type === 'done') outcome.runEnded = true
    }
    return outcome
  })
}

const LOG_FULL = `The sandbox was stopped: it wrote more than the ${MAX_RUN_JOURNAL_BYTES / 2 ** 20} MiB that the log of one run may have. Nothing that is in the log is lost; resume the agent, and what came after it is read first.`

/** What was only in the journal that is gone cannot be had any more. */
function sayNewJournal(tx: LogTransaction, journalId: string): void {
  const before = tx.journal
  if (before.journalId === null || before.journalId === journalId) return
  const message = `The sandbox began a new journal. What the earlier one held after its event ${before.n}, if anything, is not in this log.`
  tx.appendOwn('error', { code: 'journal_replaced', message, detail: { ...before } }, null)
}

/** A database that was restored from a backup has lost runs that the sandbox knows: they are shown as far as it tells of them. */
function sayUnknownRun(tx: LogTransaction, runId: string): void {
  const message =
    'The sandbox tells of a run that this database does not know, as when it was restored from an older state: what was asked is ' +
    'lost, what the run did is kept, and it is not gone on with.'
  tx.appendOwn('error', { code: 'run_unknown', message, detail: { runId } }, runId)
}

/** Answers false for what must not be stored: a second `done` of a run, and one of a run that never began. */
async function applyToRun(
  tx: LogTransaction,
  event: { type: string; runId: string | null; at: string; data: Record<string, unknown> },
): Promise<boolean> {
  if (event.runId === null || !['run_started', 'thinking', 'done'].includes(event.type)) return true
  const run = await tx.findRun(event.runId)
  if (!run) {
    if (event.type === 'run_started') sayUnknownRun(tx, event.runId)
    if (event.type !== 'done') return true
    return (await tx.hasEvent(event.runId, 'run_started')) && !(await tx.hasEvent(event.runId, 'done'))
  }
  if (run.status === 'ENDED') return event.type !== 'done'
  if (event.type === 'run_started') {
    await tx.updateRun(run.id, { status: 'RUNNING', startedAt: run.startedAt ?? new Date(event.at) })
    if (tx.agent.status !== 'RUNNING' && tx.agent.desired === null) {
      tx.update({ status: 'RUNNING', statusDetail: null })
      tx.append('status', { status: 'RUNNING' }, { runId: run.id })
    }
  }
  if (event.type === 'thinking') await tx.updateRun(run.id, { steps: Number(event.data.step) })
  if (event.type === 'done') {
    await tx.updateRun(run.id, {
      status: 'ENDED',
      reason: event.data.reason as DoneReason,
      summary: typeof event.data.summary === 'string' ? event.data.summary : null,
      steps: Number(event.data.steps),
      endedAt: new Date(event.at),
    })
    tx.update({ undeliveredRunId: run.id })
  }
  return true
}
