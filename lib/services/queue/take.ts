/**
 * What a run asks between two steps: what people said meanwhile. Taking is one transaction: what is answered is in the log. The
 * answer can be lost on its way, so it holds all that was ever said to the run, and asking again loses nothing.
 */
import type { TakenMessages } from '../../../container/contract/tunnel.ts'
import { BerthError } from '../../errors.ts'
import { sayInRun } from '../agent/open-run.ts'
import { type HolderParts, writeAsHolder } from '../event/write.ts'
import { readWordsSince } from '../message/read.ts'

/** Throws `state_conflict` when `runId` is not the agent's run in progress. */
export async function takeMessages(
  parts: HolderParts,
  { agentId, runId }: { agentId: string; runId: string },
): Promise<TakenMessages> {
  const run = await writeAsHolder(parts, agentId, async (tx) => {
    const open = await tx.openRun()
    if (open?.id !== runId || open.cancelRequestedAt !== null) {
      throw new BerthError('state_conflict', 'Only a run in progress may take what people said.')
    }
    for (const waiting of await tx.queue()) await sayInRun(tx, waiting, runId)
    return open
  })
  return { messages: await readWordsSince(parts.stores, run) }
}
