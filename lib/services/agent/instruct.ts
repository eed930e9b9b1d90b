/** What is said to an agent: start, resume, chat. Each is decided and stored under the row lock, then done by its worker. */

import { type AgentCommand, allowedCommands, type Decision, decide } from '../../domain/agent-state.ts'
import { BerthError } from '../../errors.ts'
import type { LogTransaction } from '../../store/stores.ts'
import type { Context } from '../context.ts'
import { writeLog } from '../event/write.ts'
import { setStarting, setStatus } from './end-run.ts'
import { requireAgent } from './require.ts'
import type { AgentView, RunView } from './schemas.ts'
import { readAgentView } from './view.ts'

export interface InstructAnswer {
  agent: AgentView
  run: RunView | null
}

interface Instruction {
  ctx: Context
  agentId: string
  command: AgentCommand
  /** The words of a chat message; the others take theirs from the decision. */
  message?: string
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

export const chatWithAgent = ({ ctx, input }: { ctx: Context; input: { agentId: string; message: string } }) =>
  instruct({ ctx, agentId: input.agentId, command: { name: 'chat' }, message: input.message })

async function instruct({ ctx, agentId, command, message }: Instruction): Promise<InstructAnswer> {
  const { parts } = ctx
  const agent = await requireAgent(ctx, agentId)
  const acts = await writeLog(parts, agent.id, async (tx) => {
    const decision = await decideIn(tx, command)
    if (decision.do === 'wake') setStarting(tx)
    if (decision.do === 'run') await openRun({ ctx, tx, task: message ?? decision.task })
    return decision.do !== 'join'
  })
  if (acts) parts.supervisor.wake(agent.id)
  const view = await readAgentView(ctx, agent)
  return { agent: view, run: view.run }
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

async function openRun(input: { ctx: Context; tx: LogTransaction; task: string }): Promise<void> {
  const { ctx, tx, task } = input
  if (ctx.parts.settings.openrouter.apiKey === null) {
    throw new BerthError('model_key_missing', 'No model key is configured, so the agent could not think.', {
      hint: 'Set OPENROUTER_API_KEY in .env and start Berth again.',
    })
  }
  const runId = ctx.parts.ids.next('run')
  const from = { userId: ctx.actor.userId, name: ctx.actor.name }
  const inputEventId = tx.append('message', { text: task, from }, { runId })
  await tx.createRun({ id: runId, task, inputEventId })
  // A container that waits takes the run at once; any other state has to become one first.
  if (tx.agent.status === 'READY') setStatus(tx, 'RUNNING')
  else if (tx.agent.status !== 'RUNNING') setStarting(tx)
}
