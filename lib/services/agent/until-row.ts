/** Waiting for what an agent's worker makes of a wish, in this control plane or in the one that holds the agent. */
import type { Agent } from '../../domain/agent.ts'
import type { Parts } from '../context.ts'

/** News of another control plane may be lost: the row is read again at least so often. */
const LOOK_EVERY_MS = 1_000

/**
 * Resolves with the agent's row (null when it is gone) as soon as `test` says yes to it, or at the deadline with the row as it
 * is then.
 */
export async function untilRow(
  parts: Pick<Parts, 'stores' | 'hub' | 'clock'>,
  input: { agentId: string; deadlineMs: number; test: (agent: Agent | null) => boolean },
): Promise<Agent | null> {
  const { agentId, deadlineMs, test } = input
  const { stores, hub, clock } = parts
  const endMs = clock.monotonicMs() + deadlineMs
  let news = new AbortController()
  const leave = hub.subscribe((message) => {
    if (message.agentId === agentId) news.abort()
  })
  try {
    for (;;) {
      news = new AbortController()
      const agent = await stores.agents.find(agentId)
      const leftMs = endMs - clock.monotonicMs()
      if (test(agent) || leftMs <= 0) return agent
      await clock.sleep(Math.min(LOOK_EVERY_MS, leftMs), news.signal).catch(() => undefined)
    }
  } finally {
    leave()
  }
}
