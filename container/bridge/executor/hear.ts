/**
 * What people say during a run: taken between two steps, written down before the model reads it. Owns: when it is asked for, and
 * that nothing said is heard twice. Must not know: how it is kept outside.
 */
import { INTERRUPTED_BY_WORDS } from './defaults.ts'
import { interruptOpenCalls, type Run, record } from './run.ts'

/** Ends the step in progress and not the run: a person's words come first. */
export class StepInterrupted extends Error {
  constructor() {
    super('A person spoke: the step was ended')
    this.name = 'StepInterrupted'
  }
}

/**
 * Begins a step that can be interrupted, with the words that wait. An interruption that comes while they are fetched is of the
 * step that is not begun yet: its words are fetched, too.
 */
export async function beginStep(run: Run): Promise<void> {
  do {
    run.attention.step = new AbortController()
    await hearPeople(run)
  } while (run.attention.step.signal.aborted)
  run.stepSignal = AbortSignal.any([run.signal, run.attention.step.signal])
}

/** Takes what waits. A control plane that cannot give it now is asked again before the next step. */
async function hearPeople(run: Run): Promise<void> {
  if (!run.attention.waiting) return
  run.attention.waiting = false
  try {
    for (const message of await run.takeMessages()) {
      if (!run.conversation.knowsMessage(message.eventId)) {
        const input = { kind: 'message' as const, runId: run.command.runId, message }
        run.journal.appendInput(input)
        run.conversation.apply({ kind: 'input', input })
      }
    }
  } catch (error) {
    run.signal.throwIfAborted()
    run.attention.waiting = true
    run.logger.warn('What people said could not be taken.', { error })
  }
}

/** Closes what an interrupted step left open. Throws the error when it is none of that. */
export function endInterruptedStep(run: Run, error: unknown): void {
  if (run.signal.aborted || !run.attention.step.signal.aborted) throw error
  interruptOpenCalls(run, run.command.runId, INTERRUPTED_BY_WORDS)
  record(run, 'error', {
    code: 'step_interrupted',
    message: 'The step was ended because a person spoke.',
    abandonedMessageIds: run.attention.openMessageIds.splice(0),
  })
}
