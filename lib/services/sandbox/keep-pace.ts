/** Waits where a sandbox says more than it may, and says so in the agent's log once. */
import type { Parts } from '../context.ts'
import { type HolderParts, writeAsHolder } from '../event/write.ts'
import type { JournalPaces, PaceCost } from './journal-paces.ts'

export type PaceParts = HolderParts & Pick<Parts, 'clock' | 'paces'>

const MEBIBYTE = 1024 * 1024
/** Before what comes next is read. Rejects with the signal's reason. */
export async function keepPace(
  parts: PaceParts,
  input: { agentId: string; cost: PaceCost; signal: AbortSignal },
): Promise<void> {
  const { agentId, cost, signal } = input
  const { waitMs, isNew } = parts.paces.spend(agentId, cost)
  if (isNew) {
    await writeAsHolder(parts, agentId, async (tx) => {
      tx.appendOwn(
        'error',
        { code: 'event_flood', message: describeFlood(parts.paces) },
        (await tx.openRun())?.id ?? null,
      )
    })
  }
  if (waitMs > 0) await parts.clock.sleep(waitMs, signal)
}

function describeFlood({ allowance, growth }: JournalPaces): string {
  const [most, rate] = [allowance, growth].map(
    ({ messages, bytes }) => `${messages} entries or ${bytes / MEBIBYTE} MiB`,
  )
  return `The sandbox writes more than ${most} at a time. From now on no more than ${rate} a second are read of it: late, but whole. Stop the agent if that is not what it should do.`
}
