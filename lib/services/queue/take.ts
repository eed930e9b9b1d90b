/** What a run asks between two steps: what people said meanwhile. Taking is one transaction: what is answered is in the log. */
import type { TakenMessages } from '../../../container/contract/tunnel.ts'
import { BerthError } from '../../errors.ts'
import { sayInRun } from '../agent/open-run.ts'
import { type HolderParts, writeAsHolder } from '../event/write.ts'

/** Throws `state_conflict` when `runId` is not the agent's run in progress. */
export async function takeMessages(
  parts: HolderParts,
  { agentId, runId }: { agentId: string; runId: string },
): Promise<TakenMessages> {
  return await writeAsHolder(parts, agentId, async (tx) => {
    const run = await tx.openRun()
    if (run?.id !== runId || run.cancelRequestedAt !== null) {
      throw new BerthError('state_conflict', 'Only a run in progress may take what people said.')
    }
    const messages: TakenMessages['messages'] = []
    for (const waiting of await tx.queue()) {
      if (await sayInRun(tx, waiting, runId)) messages.push({ eventId: waiting.id, text: waiting.text })
    }
    return { messages }
  })
}
