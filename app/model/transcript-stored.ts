/**
 * Stored events, one handler for each type that the page shows. A type it does not know is read past: the log may be newer.
 * Owns: what each type changes in a transcript. Must not know: deltas, the network.
 */
import type { ControlEventData, SandboxEventData, Task } from '../../container/contract/events.ts'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { NOTHING_JOINED } from './delta-join.ts'
import { isText, isTool } from './transcript-deltas.ts'
import { addTurn, type Draft, findEntry, newTurn, turnOf } from './transcript-draft.ts'
import { applyStatus } from './transcript-start.ts'
import type { ChangedFile, Entry, FileChange, NoteEntry, TextEntry, ToolEntry, Turn } from './transcript-types.ts'

type Handler = (draft: Draft, event: EventView) => void

export function applyStored(draft: Draft, event: EventView): void {
  const handler = Object.hasOwn(HANDLERS, event.type) ? HANDLERS[event.type] : undefined
  handler?.(draft, event)
}

const HANDLERS: Record<string, Handler> = {
  message: addWords,
  run_started: (draft, event) => {
    const data = event.data as SandboxEventData<'run_started'>
    const turn = turnOf(draft, event)
    turn.startedAt ??= event.createdAt
    turn.maxSteps = data.maxSteps
    if (data.continued) addNote(draft, event, 'continued')
  },
  thinking: (draft, event) => {
    const data = event.data as SandboxEventData<'thinking'>
    const turn = turnOf(draft, event)
    turn.step = data.step
    turn.maxSteps = data.maxSteps
    turn.tokensUsed = data.tokensUsed
    // A step that begins again replaces what an answer that broke off had shown.
    turn.entries = turn.entries.filter((entry) => !isText(entry) || entry.state !== 'live')
  },
  text: addWhole,
  reasoning: addWhole,
  tool_call: (draft, event) => {
    const data = event.data as SandboxEventData<'tool_call'>
    const { [data.toolCallId]: early, ...rest } = draft.view.early
    if (early) draft.view.early = rest
    turnOf(draft, event).entries.push({
      kind: 'tool',
      key: `call-${data.toolCallId}`,
      at: event.createdAt,
      toolCallId: data.toolCallId,
      tool: data.tool,
      input: data.input,
      result: null,
      liveOutput: early ?? NOTHING_JOINED,
      changes: [],
      tasks: null,
    })
  },
  tool_result: (draft, event) => {
    const data = event.data as SandboxEventData<'tool_result'>
    changeTool(turnOf(draft, event), data.toolCallId, (entry) => ({
      ...entry,
      result: {
        outcome: data.outcome,
        output: data.output,
        durationMs: data.durationMs,
        detail: data.detail ?? {},
      },
    }))
  },
  file_change: addChange,
  task_update: (draft, event) => {
    const { tasks } = event.data as SandboxEventData<'task_update'>
    draft.view.tasks = tasks
    attachTasks(turnOf(draft, event), tasks)
  },
  usage: (draft, event) => {
    const data = event.data as ControlEventData<'usage'>
    const turn = turnOf(draft, event)
    turn.costUsd += data.costUsd ?? 0
  },
  egress_denied: (draft, event) => {
    addRefusal(draft, event)
    addNote(draft, event, 'refused')
  },
  commit: (draft, event) => addNote(draft, event, 'commit'),
  push: (draft, event) => addNote(draft, event, 'push'),
  pull_request: (draft, event) => addNote(draft, event, 'pull_request'),
  error: addError,
  compaction: (draft, event) => addNote(draft, event, 'compaction'),
  status: applyStatus,
  done: endTurn,
}

/** The first words of a run open its turn; what is said to it later stands where it was heard. */
function addWords(draft: Draft, event: EventView): void {
  const data = event.data as ControlEventData<'message'>
  const words = { text: data.text, from: data.from?.name ?? null, at: event.createdAt }
  const ofRun = event.runId === null ? undefined : draft.view.turns.findLast((turn) => turn.runId === event.runId)
  if (!ofRun) addTurn(draft, { ...newTurn(`turn-${event.seq}`, event.runId), order: words })
  else if (ofRun.order === null) turnOf(draft, event).order = words
  else turnOf(draft, event).entries.push({ kind: 'said', key: `said-${event.seq}`, ...words })
}

/** An answer that broke off: told to the end where a person spoke, said once more where the model is asked again: then one note says how it stands. */
function addError(draft: Draft, event: EventView): void {
  const { code, abandonedMessageIds } = event.data
  const ids: unknown[] = Array.isArray(abandonedMessageIds) ? abandonedMessageIds : []
  const turn = turnOf(draft, event)
  const isBroken = (entry: Entry) => isText(entry) && entry.state === 'live' && ids.includes(entry.messageId)
  if (code === 'step_interrupted') {
    turn.entries = turn.entries.map((entry) => (isText(entry) && isBroken(entry) ? { ...entry, state: 'cut' } : entry))
    addNote(draft, event, 'interrupted')
  } else if (code === 'provider_retry') {
    turn.entries = turn.entries.filter((entry) => !isBroken(entry))
    const last = turn.entries.at(-1)
    if (last?.kind === 'retried')
      turn.entries[turn.entries.length - 1] = { ...last, at: event.createdAt, data: event.data }
    else addNote(draft, event, 'retried')
  } else {
    addNote(draft, event, 'error')
  }
}

function addWhole(draft: Draft, event: EventView): void {
  const data = event.data as SandboxEventData<'text'>
  const turn = turnOf(draft, event)
  const whole: TextEntry = {
    kind: event.type === 'text' ? 'text' : 'reasoning',
    key: `message-${data.messageId}`,
    at: event.createdAt,
    messageId: data.messageId,
    text: { start: 0, text: data.text },
    state: 'whole',
  }
  const found = findEntry(turn, (entry): entry is TextEntry => isText(entry) && entry.messageId === data.messageId)
  if (found) turn.entries[found[0]] = { ...whole, at: found[1].at }
  else turn.entries.push(whole)
}

function addChange(draft: Draft, event: EventView): void {
  const data = event.data as SandboxEventData<'file_change'>
  const { path, change: kind, additions, deletions, diff, truncated } = data
  const change = { seq: event.seq, at: event.createdAt, path, change: kind, additions, deletions, diff, truncated }
  const turn = turnOf(draft, event)
  turn.additions += additions
  turn.deletions += deletions
  draft.view.files = addToFiles(draft.view.files, change)
  const { toolCallId } = data
  const added =
    toolCallId !== undefined &&
    changeTool(turn, toolCallId, (entry) => ({ ...entry, changes: [...entry.changes, change] }))
  if (!added) turn.entries.push({ kind: 'change', key: `change-${event.seq}`, at: event.createdAt, change })
}

/** In order of path; a file that was added and is changed again stays an added one. */
function addToFiles(files: readonly ChangedFile[], change: FileChange): ChangedFile[] {
  const known = files.find((file) => file.path === change.path)
  const file: ChangedFile = {
    path: change.path,
    change: known?.change === 'added' && change.change === 'modified' ? 'added' : change.change,
    additions: (known?.additions ?? 0) + change.additions,
    deletions: (known?.deletions ?? 0) + change.deletions,
    changes: [...(known?.changes ?? []), change],
  }
  return [...files.filter((other) => other !== known), file].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The plan belongs to the call that wrote it: the latest `update_tasks`. */
function attachTasks(turn: Turn, tasks: Task[]): void {
  const found = findEntry(turn, (entry): entry is ToolEntry => isTool(entry) && entry.tool === 'update_tasks')
  if (found) turn.entries[found[0]] = { ...found[1], tasks }
}

function addRefusal(draft: Draft, event: EventView): void {
  const { host, port, reason, cure } = event.data as ControlEventData<'egress_denied'>
  const known = draft.view.refusals.find((refusal) => refusal.host === host && refusal.port === port)
  const refusal = { host, port, reason, cure, count: (known?.count ?? 0) + 1, lastAt: event.createdAt }
  draft.view.refusals = [refusal, ...draft.view.refusals.filter((other) => other !== known)]
}

function endTurn(draft: Draft, event: EventView): void {
  const data = event.data as SandboxEventData<'done'>
  const turn = turnOf(draft, event)
  if (turn.end) return
  turn.entries = turn.entries.map((entry) =>
    isText(entry) && entry.state === 'live' ? { ...entry, state: 'cut' } : entry,
  )
  draft.view.early = {}
  turn.end = {
    position: turn.entries.length,
    at: event.createdAt,
    reason: data.reason,
    message: data.message ?? '',
    summary: data.summary ?? '',
    steps: data.steps,
    inputTokens: data.inputTokens,
    outputTokens: data.outputTokens,
    durationMs: data.durationMs,
  }
}

/** False where the turn holds no such call. */
function changeTool(turn: Turn, toolCallId: string, change: (entry: ToolEntry) => ToolEntry): boolean {
  const found = findEntry(turn, (entry): entry is ToolEntry => isTool(entry) && entry.toolCallId === toolCallId)
  if (!found) return false
  turn.entries[found[0]] = change(found[1])
  return true
}

export function addNote(draft: Draft, event: EventView, kind: NoteEntry['kind']): void {
  const note: NoteEntry = { kind, key: `${kind}-${event.seq}`, at: event.createdAt, data: event.data }
  turnOf(draft, event).entries.push(note)
}
