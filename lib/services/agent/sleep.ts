/** Agents that have been idle for long enough: their containers are stopped and kept. The next instruction wakes them. */
import type { Parts } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { decideIn } from './instruct.ts'

/** Health checks, readers and watchers are no activity: only runs and being woken are. */
export async function sleepIdleAgents(parts: Parts): Promise<void> {
  const { idleSleepAfterMs } = parts.settings
  if (idleSleepAfterMs === null) return
  const isIdle = (activeAt: Date) => activeAt.getTime() + idleSleepAfterMs <= parts.clock.now().getTime()
  const before = new Date(parts.clock.now().getTime() - idleSleepAfterMs)
  for (const agent of await parts.stores.agents.listIdleSince(before)) {
    const acts = await writeLog(parts, agent.id, async (tx) => {
      if (!isIdle(tx.agent.activeAt)) return false
      if ((await decideIn(tx, { name: 'sleep' })).do !== 'sleep') return false
      tx.update({ desired: 'asleep' })
      return true
    })
    if (acts) parts.supervisor.wake(agent.id)
  }
}
