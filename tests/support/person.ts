/**
 * A person at a control plane: each thing that may be said to an agent in a word, and agents that are already at work. What
 * becomes of them is the control plane's to show.
 */
import type { DivergenceChoice, QueuedMessage } from '../../lib/domain/agent.ts'
import { createAgent } from '../../lib/services/agent/create.ts'
import { cancelRun, purgeAgent, stopAgent } from '../../lib/services/agent/end.ts'
import { chatWithAgent, resumeAgent, startAgent } from '../../lib/services/agent/instruct.ts'
import { getAgent } from '../../lib/services/agent/list.ts'
import { resolveDivergence } from '../../lib/services/agent/resolve-divergence.ts'
import type { CreateAgentInput } from '../../lib/services/agent/schemas.ts'
import type { Context } from '../../lib/services/context.ts'
import { openPullRequest } from '../../lib/services/pull-request/open.ts'
import type { ControlPlane } from './control-plane.ts'

export type Person = ReturnType<typeof createPerson>

/** `ctx`: who it is, and at which control plane on the database; Ada at the first one unless it says otherwise. */
export function createPerson(plane: ControlPlane, ctx: Context = plane.ctx) {
  const create = (changes: Partial<CreateAgentInput> = {}) => {
    const input = { task: 'Fix the bug', githubRepo: 'acme/widgets', targetBranch: 'berth/fix', ...changes }
    return createAgent({ ctx, input })
  }
  const start = (agentId: string) => startAgent({ ctx, input: { agentId } })
  return {
    /** For calls that have no word here. */
    ctx,
    create,
    start,
    resume: (agentId: string, newTask: string) => resumeAgent({ ctx, input: { agentId, newTask } }),
    say: (agentId: string, message: string, mode?: QueuedMessage['mode']) =>
      chatWithAgent({ ctx, input: { agentId, message, mode } }),
    cancel: (agentId: string) => cancelRun({ ctx, input: { agentId } }),
    stop: (agentId: string) => stopAgent({ ctx, input: { agentId } }),
    purge: (agentId: string) => purgeAgent({ ctx, input: { agentId } }),
    resolve: (agentId: string, choice: DivergenceChoice) => resolveDivergence({ ctx, input: { agentId, choice } }),
    openPullRequest: (agentId: string) => openPullRequest({ ctx, input: { agentId } }),
    read: (agentId: string) => getAgent({ ctx, input: { agentId } }),
    /** An agent whose first run is over. Answers its id. */
    async createAndRun(changes: Partial<CreateAgentInput> = {}): Promise<string> {
      const { id } = await create(changes)
      await start(id)
      await plane.untilAtRest(id)
      return id
    },
    /** An agent whose run, and every later one, goes on until the test ends it. Answers its id. */
    async createRunning(changes: Partial<CreateAgentInput> = {}): Promise<string> {
      plane.bridge.onExecute = () => {}
      const { id } = await create(changes)
      await start(id)
      await plane.until(id, ({ type }) => type === 'run_started')
      await ctx.parts.supervisor.settle(id)
      return id
    },
  }
}
