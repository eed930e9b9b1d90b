/**
 * How far a run has come: steps, tokens, cost, time, tasks; a fold of the run's own events, so that a continued run goes on
 * from where it was. Owns: what the loop adds to events for this. Must not know: limits, the model.
 */
import type { HistoryEvent } from '../../contract/bridge.ts'
import { type Task, task } from '../../contract/events.ts'
import type { JournalEntry } from '../journal/journal.ts'
import type { RunUsage } from './limits.ts'

/** Of one model call; on the first event that a step leaves in the log, as `usage`. */
export interface StepUsage {
  inputTokens: number
  outputTokens: number
  costUsd: number | null
}

export interface RunProgress {
  usage: RunUsage
  /** As `update_tasks` last left them in this run. */
  tasks: Task[]
  /** The step at which they were last touched or recited. */
  tasksStep: number
}

type RunEvent = Pick<HistoryEvent, 'type' | 'runId' | 'data'>

export function newProgress(): RunProgress {
  return {
    usage: { steps: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, durationMs: 0, diskBytes: 0 },
    tasks: [],
    tasksStep: 0,
  }
}

/** Counts a finished model call. */
export function addStep(progress: RunProgress, step: number, usage: StepUsage): void {
  progress.usage.steps = step
  progress.usage.inputTokens += usage.inputTokens
  progress.usage.outputTokens += usage.outputTokens
  progress.usage.costUsd += usage.costUsd ?? 0
}

export function openTasks(progress: RunProgress): Task[] {
  return progress.tasks.filter((item) => item.status !== 'completed')
}

/** Reads back what a run that was interrupted had used. */
export function readProgress(runId: string, entries: Iterable<JournalEntry>): RunProgress {
  let progress = newProgress()
  const apply = (event: RunEvent) => {
    if (event.runId === runId) applyEvent(progress, event)
  }
  for (const entry of entries) {
    if (entry.kind === 'event') apply(entry.event)
    else if (entry.input.kind === 'history') {
      progress = newProgress()
      for (const event of entry.input.events) apply(event)
    }
  }
  return progress
}

function applyEvent(progress: RunProgress, { type, data }: RunEvent): void {
  if (type === 'thinking' && typeof data.elapsedMs === 'number') progress.usage.durationMs = data.elapsedMs
  if (type === 'task_update') noteTasks(progress, data.tasks)
  const usage = readUsage(data.usage)
  if (usage && typeof data.step === 'number') addStep(progress, data.step, usage)
}

export function noteTasks(progress: RunProgress, tasks: unknown): void {
  const parsed = task.array().safeParse(tasks)
  if (!parsed.success) return
  progress.tasks = parsed.data
  progress.tasksStep = progress.usage.steps
}

function readUsage(value: unknown): StepUsage | null {
  if (typeof value !== 'object' || value === null) return null
  const { inputTokens, outputTokens, costUsd } = value as Record<string, unknown>
  if (typeof inputTokens !== 'number' || typeof outputTokens !== 'number') return null
  return { inputTokens, outputTokens, costUsd: typeof costUsd === 'number' ? costUsd : null }
}
