/**
 * The tools of one step: side by side when all of them only read, else one after another; each result goes into the log. Owns:
 * order, and the hand that a tool is given. Must not know: the model, what comes next.
 */
import type { SandboxEventData } from '../../contract/events.ts'
import { READ_ONLY_TOOLS } from './defaults.ts'
import type { ProjectInstructions } from './project-instructions.ts'
import { type Briefing, type Run, record } from './run.ts'
import { noteTasks } from './run-progress.ts'
import { type CallResult, type PreparedCall, runCall } from './tool-call.ts'

/** All calls of the step are in the log before. Throws RunEnded when the run is ended meanwhile. */
export async function act(run: Run, { project }: Briefing, calls: PreparedCall[]): Promise<void> {
  if (calls.every((call) => READ_ONLY_TOOLS.has(call.tool))) {
    // All of them, also when one is the first to see the end: none may write after the run's last event.
    const ends = await Promise.allSettled(calls.map((call) => perform(run, project, call)))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  } else {
    for (const call of calls) await perform(run, project, call)
  }
}

async function perform(run: Run, project: ProjectInstructions, call: PreparedCall): Promise<void> {
  run.stepSignal.throwIfAborted()
  const { step } = run
  const { toolCallId, tool, input } = call
  const seen = { changedFiles: false }
  const context = giveHand(run, toolCallId, seen)
  const result = await runCall(call, { context, clock: run.clock, logger: run.logger })
  const output = result.output + (await attachInstructions(project, call, result))
  record(run, 'tool_result', { step, toolCallId, ...result, tool, output })
  run.guard.record({ tool, input, outcome: result.outcome, output: result.output, changedFiles: seen.changedFiles })
  run.stepSignal.throwIfAborted()
}

/** What this call may touch. */
function giveHand(run: Run, toolCallId: string, seen: { changedFiles: boolean }) {
  const { command, journal, stepSignal: signal } = run
  return {
    workspace: run.workspace,
    reads: run.reads,
    signal,
    toolCallId,
    commandTimeoutMs: command.tools.commandTimeoutMs,
    targetBranch: command.agent.targetBranch,
    sourceBranch: command.agent.sourceBranch,
    onOutput: (delta: string) => {
      if (delta === '' || signal.aborted) return
      journal.delta({ type: 'tool_output_delta', runId: command.runId, messageId: toolCallId, delta })
    },
    emit: (event: EmittedEvent) => {
      if (event.type === 'file_change') seen.changedFiles = true
      if (event.type === 'task_update') noteTasks(run.progress, event.data.tasks)
      record(run, event.type, event.type === 'file_change' ? { toolCallId, ...event.data } : event.data)
    },
    openPullRequest: run.openPullRequest,
  }
}

type EmittedEvent =
  | { type: 'file_change'; data: SandboxEventData<'file_change'> }
  | { type: 'task_update'; data: SandboxEventData<'task_update'> }
  | { type: 'commit'; data: SandboxEventData<'commit'> }

async function attachInstructions(
  project: ProjectInstructions,
  call: PreparedCall,
  result: CallResult,
): Promise<string> {
  // As the tool found it: relative to the workspace, links followed.
  const path = result.detail?.path
  if (call.tool !== 'read_file' || result.outcome !== 'ok' || typeof path !== 'string') return ''
  return project.attachFor(path)
}
