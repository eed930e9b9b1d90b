/** Takes what a bridge's journal says into the log, and brings the run up to date in the same transaction. */
import { cleanText, type DoneReason, type JournalEvent } from '../../../container/contract/events.ts'
import {
  acceptJournalEvent,
  type JournalPosition,
  MAX_RUN_JOURNAL_BYTES,
  rejectMalformed,
} from '../../domain/journal-acceptance.ts'
import type { JournalAppend, LogTransaction } from '../../store/stores.ts'
import { giveUpSandbox } from '../agent/end-run.ts'
import type { Parts } from '../context.ts'
import { appendAsHolder, type HolderParts, writeAsHolder } from './write.ts'

export type JournalLine = { event: JournalEvent } | { malformed: string; n: number }

export interface AcceptedLines {
  /** Number that the bridge should have sent, when it skipped some. */
  gap: number | null
  /** A run of the agent ended in these lines. */
  runEnded: boolean
  /** The rest is not taken: the sandbox has written more than a run may. Its end is on record. */
  isFull: boolean
}

type AcceptParts = HolderParts & Pick<Parts, 'clock'>

interface Accepting {
  agentId: string
  journalId: string
  lines: JournalLine[]
}

/** Stores the lines together. Lines stored before are passed over; after a gap nothing more is taken. */
export async function acceptJournal(parts: AcceptParts, input: Accepting): Promise<AcceptedLines> {
  const plain = readPlainEvents(input)
  if (plain !== null && (await appendAsHolder(parts, plain))) return { gap: null, runEnded: false, isFull: false }
  return await acceptUnderLock(parts, input)
}

/** What only has to follow what is stored: all but the beginning and the end of a run. Null when a line is something else. */
function readPlainEvents({ agentId, journalId, lines }: Accepting): Omit<JournalAppend, 'holder'> | null {
  const [first] = lines
  if (first === undefined) return null
  const after = numberOf(first) - 1
  const events: LoggedEvent[] = []
  let step: JournalAppend['step'] = null
  for (const line of lines) {
    const judged = judge({ journalId, n: after + events.length }, journalId, line)
    if (judged.verdict !== 'next' || changesState(judged)) return null
    const { type, runId, data } = judged.event
    if (judged.accepted && type === 'thinking' && runId !== null) step = { runId, step: Number(data.step) }
    events.push(judged.event)
  }
  return { agentId, journalId, after, events, step, maxBytes: MAX_RUN_JOURNAL_BYTES }
}

const changesState = ({ accepted, event }: { accepted: boolean; event: LoggedEvent }) =>
  accepted && (event.type === 'run_started' || event.type === 'done')

async function acceptUnderLock(parts: AcceptParts, { agentId, journalId, lines }: Accepting): Promise<AcceptedLines> {
  return await writeAsHolder(parts, agentId, async (tx) => {
    const outcome: AcceptedLines = { gap: null, runEnded: false, isFull: false }
    for (const line of lines) {
      if (tx.journalBytes >= MAX_RUN_JOURNAL_BYTES) {
        await giveUpSandbox(parts, tx, { code: 'log_full', message: LOG_FULL })
        return { ...outcome, isFull: true }
      }
      const judged = judge(tx.journal, journalId, line)
      if (judged.verdict === 'gap') return { ...outcome, gap: judged.expected }
      if (judged.verdict === 'skip') continue
      sayNewJournal(tx, journalId)
      const { event, accepted } = judged
      const stored = !accepted || (await applyToRun(tx, event))
      tx.appendJournal(journalId, numberOf(line), stored ? event : null)
      if (accepted && stored && event.type === 'done') outcome.runEnded = true
    }
    return outcome
  })
}

type LoggedEvent = JournalAppend['events'][number]

type Judged =
  | { verdict: 'gap'; expected: number }
  | { verdict: 'skip' }
  /** `accepted` is false for what is stored in the place of a line that must not be. */
  | { verdict: 'next'; event: LoggedEvent; accepted: boolean }

function judge(position: JournalPosition, journalId: string, line: JournalLine): Judged {
  const acceptance = acceptJournalEvent(position, journalId, 'event' in line ? line.event : placeholder(line.n))
  if (acceptance.accept === 'gap') return { verdict: 'gap', expected: acceptance.expected }
  if (acceptance.accept === 'skip') return { verdict: 'skip' }
  const instead = (data: Record<string, unknown>, runId: string | null, at: string): Judged => ({
    verdict: 'next',
    event: { type: 'error', runId, at, data },
    accepted: false,
  })
  if (!('event' in line)) return instead(rejectMalformed(line.malformed).data, null, new Date().toISOString())
  const { at } = line.event
  const runId = cleanText(line.event.runId)
  if (acceptance.accept === 'reject') return instead(acceptance.data, runId, at)
  return { verdict: 'next', event: { type: acceptance.type, runId, at, data: acceptance.data }, accepted: true }
}

const numberOf = (line: JournalLine) => ('event' in line ? line.event.n : line.n)

/** Stands for a line that could not be read: its number decides. */
const placeholder = (n: number): JournalEvent => ({
  n,
  type: 'malformed',
  runId: null,
  at: new Date().toISOString(),
  data: {},
})

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
