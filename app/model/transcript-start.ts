/**
 * Status events: the stages of a start as one entry, and the state that the agent is in.
 * Owns: that fold. Must not know: which stages exist; it shows those that are told, in their order.
 */
import type { ControlEventData } from '../../container/contract/events.ts'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { isGoingStart } from './transcript-deltas.ts'
import { type Draft, findEntry, turnOf } from './transcript-draft.ts'
import type { NoteEntry, StartEntry, StartStageView, Turn } from './transcript-types.ts'

export function applyStatus(draft: Draft, event: EventView): void {
  const data = event.data as ControlEventData<'status'>
  const before = draft.view.status
  draft.view.status = {
    at: event.createdAt,
    status: data.status,
    stage: data.stage ?? null,
    percent: data.percent ?? null,
    message: data.message ?? null,
  }
  const turn = turnOf(draft, event)
  const going = findEntry(turn, isGoingStart)
  const isWord = data.stage === undefined && data.message !== undefined
  if (data.status === 'STARTING' && !isWord) {
    if (going) turn.entries[going[0]] = goOn(going[1], event, data)
    else turn.entries.push(goOn(newStart(event), event, data))
    return
  }
  if (data.status === 'FAILED') {
    const start = going ? going[1] : newStart(event)
    replaceOrAdd(turn, going, fail(start, event, data))
    return
  }
  if (going && data.status !== 'STARTING') turn.entries[going[0]] = finish(going[1], event.createdAt)
  const kind = noteFor(data, before?.status ?? null)
  if (kind !== null) turn.entries.push({ kind, key: `${kind}-${event.seq}`, at: event.createdAt, data: event.data })
}

/** What a change of state has to say besides the state: null where there is nothing. */
function noteFor(data: ControlEventData<'status'>, before: string | null): NoteEntry['kind'] | null {
  if (data.status === 'IDLE' && before !== null && before !== 'IDLE') return 'stopped'
  if (data.status === 'SLEEPING' && before !== 'SLEEPING') return 'asleep'
  // That a person has to decide, and what was decided.
  return data.message === undefined ? null : 'told'
}

function newStart(event: EventView): StartEntry {
  return {
    kind: 'start',
    key: `start-${event.seq}`,
    at: event.createdAt,
    stages: [],
    message: '',
    output: null,
    outcome: 'going',
    failure: null,
  }
}

function goOn(entry: StartEntry, event: EventView, data: ControlEventData<'status'>): StartEntry {
  const message = data.message ?? entry.message
  if (data.stage === undefined) return { ...entry, message }
  const percent = data.percent ?? null
  const last = entry.stages.at(-1)
  if (last?.stage === data.stage) {
    return { ...entry, message, stages: [...entry.stages.slice(0, -1), { ...last, percent }] }
  }
  const stage: StartStageView = { stage: data.stage, startedAt: event.createdAt, endedAt: null, percent }
  return { ...entry, message: data.message ?? '', stages: [...endLast(entry.stages, event.createdAt), stage] }
}

function finish(entry: StartEntry, at: string): StartEntry {
  return { ...entry, outcome: 'ok', stages: endLast(entry.stages, at) }
}

function fail(entry: StartEntry, event: EventView, data: ControlEventData<'status'>): StartEntry {
  const stage = data.stage ?? entry.stages.at(-1)?.stage ?? null
  return {
    ...entry,
    outcome: 'failed',
    stages: endLast(entry.stages, event.createdAt),
    failure: { stage, code: data.code ?? '', message: data.message ?? '', logTail: data.logTail ?? [] },
  }
}

function endLast(stages: readonly StartStageView[], at: string): StartStageView[] {
  return stages.map((stage) => (stage.endedAt === null ? { ...stage, endedAt: at } : stage))
}

function replaceOrAdd(turn: Turn, found: [number, StartEntry] | null, entry: StartEntry): void {
  if (found) turn.entries[found[0]] = entry
  else turn.entries.push(entry)
}
