/** A new run in the log: a person's words, and the run that answers them. Its worker does the rest. */
import type { QueuedMessage } from '../../domain/agent.ts'
import type { LogTransaction } from '../../store/stores.ts'
import type { CoreParts } from '../context.ts'
import { setStarting, setStatus } from './end-run.ts'

/** Words that waited and were never taken come first: they were said first, and the run hears them before its own task. */
export async function openRun(input: {
  parts: Pick<CoreParts, 'ids' | 'clock'>
  tx: LogTransaction
  text: string
  from: QueuedMessage['from']
}): Promise<void> {
  const { parts, tx, text, from } = input
  const runId = parts.ids.next('run')
  for (const waiting of await tx.queue()) await sayInRun(tx, waiting, runId)
  const inputEventId = tx.append('message', { text, from }, { runId })
  await tx.createRun({ id: runId, task: text, inputEventId })
  // Whoever waits for a pull request is told that a run began: its work is delivered at its end.
  tx.update({ activeAt: parts.clock.now(), deliveryAskedAt: null })
  if (tx.agent.desired === 'asleep') tx.update({ desired: null })
  // A container that waits takes the run at once; any other state has to become one first.
  if (tx.agent.status === 'READY') setStatus(tx, 'RUNNING')
  else if (tx.agent.status !== 'RUNNING') setStarting(tx)
}

/** Words that waited become an event of the run. False when they do not wait any more. */
export async function sayInRun(tx: LogTransaction, waiting: QueuedMessage, runId: string): Promise<boolean> {
  const { id, text, from } = waiting
  if (!(await tx.dequeue(id))) return false
  tx.append('message', { text, from }, { runId, id })
  return true
}

/** What waited when a run came to its end becomes the next one. True when there was anything. */
export async function openRunFromQueue(parts: Pick<CoreParts, 'ids' | 'clock'>, tx: LogTransaction): Promise<boolean> {
  const last = (await tx.queue()).at(-1)
  if (last === undefined || !(await tx.dequeue(last.id))) return false
  await openRun({ parts, tx, text: last.text, from: last.from })
  return true
}
