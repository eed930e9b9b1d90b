/**
 * What each agent does right now, for the second line of its row: one line, replaced in place.
 * Owns: the fold of the live stream of all agents into such lines. Must not know: React, the conversation as a whole.
 */
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { nameDoing } from './agent-face.ts'
import { stripAnsi } from './ansi.ts'
import { type Joined, joinPiece, NOTHING_JOINED } from './delta-join.ts'
import { describeWait } from './model-wait.ts'
import { describeNow } from './tool-line.ts'

/** An event in the stream of a tab says whose it is. */
export interface AgentEventView extends EventView {
  agentId: string
}

export interface Activity {
  line: string
  mono: boolean
  step: number | null
  /** The message being written, so that its last line can be shown. */
  writing: { messageId: string; text: Joined } | null
}

export type Activities = Readonly<Record<string, Activity>>

const QUIET: Activity = { line: '', mono: false, step: null, writing: null }

/** Types after which the list asks again for the agent itself: they change what its row says beside the live line. */
export const ROW_CHANGING_TYPES: ReadonlySet<string> = new Set([
  'status',
  'message',
  'run_started',
  'done',
  'usage',
  'file_change',
  'pull_request',
  'approval_requested',
  'approval_resolved',
])

export function applyActivity(activities: Activities, event: AgentEventView): Activities {
  const before = activities[event.agentId] ?? QUIET
  const after = nextActivity(before, event)
  return after === before ? activities : { ...activities, [event.agentId]: after }
}

function nextActivity(before: Activity, event: AgentEventView): Activity {
  const { data } = event
  switch (event.type) {
    case 'thinking':
      return { ...QUIET, step: numberOr(data.step), line: 'Thinking' }
    case 'tool_call':
      return typeof data.tool === 'string' ? { ...before, ...now(data.tool, data.input), writing: null } : before
    case 'text_delta':
      return writeOn(before, data)
    case 'error':
      // Waiting to ask the model again: when and why stands in its words, until the answer comes.
      return data.code === 'provider_retry' && typeof data.message === 'string'
        ? { ...before, line: describeWait(data.message), mono: false, writing: null }
        : before
    case 'status':
      return { ...QUIET, line: describeStatus(data) }
    case 'done':
      return QUIET
    default:
      return before
  }
}

function now(tool: string, input: unknown): Pick<Activity, 'line' | 'mono'> {
  const { text, mono } = describeNow(tool, input)
  return { line: text, mono }
}

function writeOn(before: Activity, data: Record<string, unknown>): Activity {
  const { messageId, offset, delta } = data
  if (typeof messageId !== 'string' || typeof offset !== 'number' || typeof delta !== 'string') return before
  const known = before.writing?.messageId === messageId ? before.writing.text : NOTHING_JOINED
  const text = joinPiece(known, offset, delta)
  return { ...before, line: lastLine(text.text), mono: false, writing: { messageId, text } }
}

function describeStatus(data: Record<string, unknown>): string {
  if (typeof data.message === 'string') return lastLine(stripAnsi(data.message))
  return typeof data.stage === 'string' ? nameDoing(data.stage) : ''
}

function lastLine(text: string): string {
  const line = text
    .trimEnd()
    .split('\n')
    .findLast((candidate) => candidate.trim() !== '')
  return line?.trim().slice(-300) ?? ''
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
