/** What is said to an agent: start, resume, chat. Each is decided and stored under the row lock, then done by its worker. */

import type { QueuedMessage } from '../../domain/agent.ts'
import { type AgentCommand, allowedCommands, type Decision, decide } from '../../domain/agent-state.ts'
import { BerthError } from '../../errors.ts'
import type { LogTransaction } from '../../store/stores.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { toQueuedMessageView } from '../queue/queue.ts'
import { setStarting } from './end-run.ts'
import { openRun } from './open-run.ts'
import { requireAgent } from './require.ts'
import type { AgentView, QueuedMessageView, RunView } from './schemas.ts'
import { readAgentView } from './view.ts'

export interface InstructAnswer {
  agent: AgentView
  run: RunView | null
}

export interface ChatAnswer extends InstructAnswer {
  /** The words, when they wait for the run in progress; null when they began one. */
  queued: QueuedMessageView | null
}

interface Instruction {
  ctx: Context
  agentId: string
  command: AgentCommand
  /** The words of a chat message; the others take theirs from the decision. */
  message?: string | undefined
}

export const startAgent = ({ ctx, input }: { ctx: Context; input: { agentId: string } }) =>
  instruct({ ctx, agentId: input.agentId, command: { name: 'start' } })

export const resumeAgent = ({
  ctx,
  input,
}: {
  ctx: Context
  input: { agentId: string; newTask?: string | undefined }
}) => instruct({ ctx, agentId: input.agentId, command: { name: 'resume', newTask: input.newTask ?? null } })

/** Idle: a run. During one: the words wait for its next step, or end the step in progress (`interrupt`). */
export const chatWithAgent = ({
  ctx,
  input,
}: {
  ctx: Context
  input: { agentId: string; message: string; mode?: QueuedMessage['mode'] | undefined }
}): Promise<ChatAnswer> => {
  const command: AgentCommand = { name: 'chat', mode: input.mode ?? 'queue' }
  return instruct({ ctx, agentId: input.agentId, command, message: input.message })
}

async function instruct({ ctx, agentId, command, message }: Instruction): Promise<ChatAnswer> {
  const { parts, actor } = ctx
  const agent = await requireAgent(ctx, agentId)
  const from = { userId: actor.userId, name: actor.name }
  const { acts, queued } = await writeLog(parts, agent.id, async (tx) => {
    const decision = await decideIn(tx, command)
    if (decision.do === 'wake') {
      tx.update({ activeAt: parts.clock.now() })
      setStarting(tx)
    }
    if (decision.do === 'run') {
      assertModelKey(ctx)
      await openRun({ parts, tx, text: message ?? decision.task, from })
    }
    const waits = decision.do === 'queue' && message !== undefined
    const mode = decision.do === 'queue' && decision.interrupt ? 'interrupt' : 'queue'
    return {
      acts: decision.do !== 'join',
      queued: waits ? await tx.enqueue({ id: parts.ids.next('evt'), from, text: message, mode }) : null,
    }
  })
  if (acts) parts.supervisor.wake(agent.id)
  const view = await readAgentView(ctx, agent)
  return { agent: view, run: view.run, queued: queued && toQueuedMessageView(queued) }
}

function assertModelKey({ parts }: Context): void {
  if (parts.settings.openrouter.apiKey !== null) return
  throw new BerthError('model_key_missing', 'No model key is configured, so the agent could not think.', {
    hint: 'Set OPENROUTER_API_KEY in .env and start Berth again.',
  })
}

/** The decision for a command, asked under the row lock. Throws what it refuses, with what would be allowed. */
export async function decideIn(
  tx: LogTransaction,
  command: AgentCommand,
): Promise<Exclude<Decision, { do: 'refuse' }>> {
  const situation = { agent: tx.agent, openRun: await tx.openRun(), lastRun: await tx.lastRun() }
  const decision = decide(command, situation)
  if (decision.do !== 'refuse') return decision
  throw new BerthError(decision.code, decision.message, {
    hint: decision.hint,
    details: { agentStatus: tx.agent.status, allowed: allowedCommands(situation) },
  })
}
