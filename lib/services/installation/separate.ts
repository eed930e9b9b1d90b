/** A copy of an installation becomes one of its own: nothing of the original's on the engine is its any more. */

import type { Clock } from '../../clock.ts'
import type { Ids } from '../../ids.ts'
import type { InstallationIdentity, LogTransaction, Stores } from '../../store/stores.ts'
import { endOpenRun, NOTHING_AWAITED, setStatus } from '../agent/end-run.ts'

interface SeparateParts {
  stores: Stores
  ids: Ids
  clock: Clock
}

/**
 * First the agents, so that what is interrupted can be done again. They keep their history and have no sandbox; what they had in
 * their workspaces stays with the original. Answers how many there are.
 */
export async function separateInstallation(parts: SeparateParts, identity: InstallationIdentity): Promise<number> {
  const ids = await parts.stores.agents.listIds()
  for (const id of ids) await parts.stores.log.write(id, (tx) => letGo(parts, tx))
  await parts.stores.installation.replace({ id: parts.ids.next('ins'), ...identity })
  return ids.length
}

async function letGo(parts: SeparateParts, tx: LogTransaction): Promise<void> {
  await endOpenRun(parts, tx, {
    reason: 'sandbox_lost',
    message: 'The installation was made of a copy of another; the run goes on there.',
  })
  tx.update({ ...NOTHING_AWAITED, incarnation: null, workspace: null })
  // What was being deleted goes on being deleted.
  if (tx.agent.desired === 'purged') return
  tx.update({ desired: null })
  if (tx.agent.status !== 'IDLE') setStatus(tx, 'IDLE')
}
