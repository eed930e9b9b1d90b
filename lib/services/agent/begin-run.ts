/** Brings a pending run to the bridge: sandbox, clone, then the command that begins it. And a lost one again, once. */
import {
  type CloneMessage,
  type ExecuteCommand,
  type HistoryEvent,
  MAX_EXECUTE_BYTES,
  type WorkspaceState,
} from '../../../container/contract/bridge.ts'
import { MAX_COUNT } from '../../../container/contract/events.ts'
import { withinDeadline } from '../../deadline.ts'
import type { Agent, Run, StartStage } from '../../domain/agent.ts'
import { clonePercent } from '../../domain/clone-progress.ts'
import { BerthError, codeOfSandbox } from '../../errors.ts'
import type { WorkerParts } from '../context.ts'
import { writeAsHolder } from '../event/write.ts'
import { readWordsBefore, readWordsSince } from '../message/read.ts'
import type { SandboxConnection } from '../sandbox/connection.ts'
import { describeChoice } from '../sandbox/divergence.ts'
import { keepPace } from '../sandbox/keep-pace.ts'

/** What of the log the conversation is made of; sent when the bridge lost its own. */
const CONVERSATION_TYPES = [
  'message',
  'run_started',
  'thinking',
  'reasoning',
  'text',
  'tool_call',
  'tool_result',
  'task_update',
  'compaction',
  'done',
]

const CLONE_DEADLINE_MS = 15 * 60_000
const SETUP_DEADLINE_MS = 15 * 60_000
/** For the bridge to end a script that is late, and to say what it said last. */
const SETUP_MARGIN_MS = 30_000
const MEBIBYTE = 1024 * 1024
/** Each is an event of the log: a clone has 21 of them at most, whatever the sandbox says. */
const SHOWN_EVERY_PERCENT = 5

/** Shows a stage of a start, and how much of it is done where that is known. */
export async function showStage(
  parts: WorkerParts,
  agentId: string,
  detail: { stage: StartStage; percent?: number | null; message?: string },
): Promise<void> {
  await writeAsHolder(parts, agentId, (tx) => {
    if (tx.agent.status !== 'STARTING') return
    tx.update({ statusDetail: detail })
    tx.append('status', {
      status: 'STARTING',
      stage: detail.stage,
      ...(typeof detail.percent === 'number' && { percent: detail.percent }),
      ...(detail.message !== undefined && { message: detail.message }),
    })
  })
}

/** Clones the repository into the workspace unless a clone is there. Its progress is one figure that only grows. */
export async function ensureClone(input: {
  parts: WorkerParts
  agent: Agent
  connection: SandboxConnection
  signal: AbortSignal
}): Promise<void> {
  const { parts, agent, connection, signal } = input
  if (connection.cloned) return
  await showStage(parts, agent.id, { stage: 'clone' })
  const late = new BerthError('start_failed', `The clone took longer than ${CLONE_DEADLINE_MS / 60_000} minutes.`, {
    hint: 'Start the agent again; a large repository may need a faster way to its host.',
  })
  await withinDeadline({ clock: parts.clock, ms: CLONE_DEADLINE_MS, signal, late }, (timed) =>
    readClone({ ...input, signal: timed }),
  )
}

async function readClone(input: Parameters<typeof ensureClone>[0]): Promise<void> {
  const { parts, agent, connection, signal } = input
  let shown = -SHOWN_EVERY_PERCENT
  const messages = connection.client.clone(
    {
      repository: agent.githubRepo,
      sourceBranch: agent.sourceBranch,
      targetBranch: agent.targetBranch,
      // A branch that this agent pushed to before is gone on from.
      adoptTargetBranch: agent.adoptTargetBranch || agent.targetTip !== null,
      // Merged and deleted, as a rule. Only before the first run of one that a person adopted does it have to be there.
      targetMayBeGone: !agent.adoptTargetBranch || agent.workspace !== null,
      // As a person chose; anything else that is in the way of a clone is refused.
      setAside: agent.divergence?.choice === 'clone_again',
      user: parts.settings.gitUser,
    },
    signal,
  )
  for await (const message of messages) {
    const end = cloneEnd(message)
    if (end === 'done') {
      connection.cloned = true
      if ('result' in message) await showSetAside(parts, agent.id, message.result.setAside ?? [])
      return
    }
    if (end !== null) throw end
    if (!('progress' in message)) continue
    const percent = clonePercent(message.progress)
    if (percent === null || percent < shown + SHOWN_EVERY_PERCENT) continue
    shown = percent
    await showStage(parts, agent.id, { stage: 'clone', percent, message: message.progress.line.slice(0, 300) })
  }
  throw new BerthError('start_failed', 'The clone ended without saying how.', { hint: 'Start the agent again.' })
}

/** Where a person finds what a clone was made beside. The names come from where an agent could have written more of them. */
async function showSetAside(parts: WorkerParts, agentId: string, folders: readonly string[]): Promise<void> {
  if (folders.length === 0) return
  const message = `What was in the workspace before lies there in ${folders.join(', ').slice(0, 300)}.`
  await writeAsHolder(parts, agentId, (tx) => tx.append('status', { status: tx.agent.status, message }))
}

function cloneEnd(message: CloneMessage): 'done' | BerthError | null {
  if ('result' in message) return 'done'
  if (!('error' in message)) return null
  const { code, message: words } = message.error
  return new BerthError(codeOfSandbox(code, 'start_failed'), words, {
    hint: 'Check the repository, its branches and the token, then start the agent again.',
  })
}

/** The agent's setup script, once for each clone and script; its output is shown as it comes and not kept. */
export async function ensureSetup(input: {
  parts: WorkerParts
  agent: Agent
  connection: Pick<SandboxConnection, 'client'>
  signal: AbortSignal
}): Promise<void> {
  const { parts, agent, signal } = input
  const script = agent.setupScript
  if (script === null) return
  await showStage(parts, agent.id, { stage: 'setup' })
  const late = new BerthError('start_failed', `The setup took longer than ${SETUP_DEADLINE_MS / 60_000} minutes.`, {
    hint: 'Change the setup script of the agent and start it again.',
  })
  await withinDeadline({ clock: parts.clock, ms: SETUP_DEADLINE_MS + SETUP_MARGIN_MS, signal, late }, (timed) =>
    runSetup({ ...input, signal: timed }, script),
  )
}

async function runSetup(input: Parameters<typeof ensureSetup>[0], script: string): Promise<void> {
  const { parts, agent, connection, signal } = input
  const messageId = parts.ids.next('evt')
  let offset = 0
  const command = { script, timeoutMs: SETUP_DEADLINE_MS }
  for await (const message of connection.client.setup(command, signal)) {
    if ('result' in message) return
    if ('error' in message) {
      const { code, message: words, tail } = message.error
      throw new BerthError(codeOfSandbox(code, 'start_failed'), words, {
        hint: 'Change the setup script of the agent and start it again.',
        details: { logTail: tail },
      })
    }
    const { output } = message
    await keepPace(parts, { agentId: agent.id, cost: { messages: 1, bytes: output.length }, signal })
    parts.hub.publish({
      kind: 'delta',
      agentId: agent.id,
      ownerId: agent.ownerId,
      delta: { type: 'tool_output_delta', runId: null, data: { messageId, offset, delta: output } },
    })
    offset += output.length
  }
}

/** Hands the run to the bridge. The bridge joins one that it has already, so this can be said twice. */
export async function executeRun(input: {
  parts: WorkerParts
  agent: Agent
  run: Run
  connection: SandboxConnection
  continued: boolean
}): Promise<void> {
  const { parts, agent, run, connection } = input
  const command = await toExecuteCommand(input)
  let outcome = await connection.client.execute(command)
  if (!outcome.accepted && outcome.code === 'history_needed') {
    outcome = await connection.client.execute({ ...command, history: await readHistory(parts, agent.id) })
  }
  if (!outcome.accepted) {
    throw new BerthError('start_failed', `The sandbox did not take the run: ${outcome.message}`, {
      hint: 'Stop the agent and resume it; its files and history stay.',
    })
  }
  await writeAsHolder(parts, agent.id, async (tx) => {
    const current = await tx.findRun(run.id)
    if (current?.status === 'PENDING') await tx.updateRun(run.id, { status: 'RUNNING' })
    // What a person chose is done; and from now on only the run knows what is in the workspace.
    tx.update({ divergence: null, workspace: IN_USE })
    if (current?.status === 'ENDED' || tx.agent.status === 'RUNNING' || tx.agent.desired !== null) return
    tx.update({ status: 'RUNNING', statusDetail: null })
    tx.append('status', { status: 'RUNNING' }, { runId: run.id })
  })
}

/** That there is a clone, and nothing more. */
const IN_USE: WorkspaceState = { cloned: true, head: null, branch: null, digest: null }

async function toExecuteCommand(input: {
  parts: WorkerParts
  agent: Agent
  run: Run
  continued: boolean
}): Promise<ExecuteCommand> {
  const { parts, agent, run, continued } = input
  const [{ journalId, n }, earlier, said, waiting] = await Promise.all([
    parts.stores.agents.journalPosition(agent.id),
    readWordsBefore(parts.stores, run),
    readWordsSince(parts.stores, run),
    parts.stores.queue.lastPosition(agent.id),
  ])
  const notice = describeChoice(agent)
  const modelId = run.model ?? agent.model
  const model = (await parts.modelCatalog.find(modelId)) ?? { contextTokens: null, maxOutputTokens: null }
  return {
    runId: run.id,
    continued,
    ...(earlier.length > 0 && { earlier }),
    input: { eventId: run.inputEventId, text: run.task },
    ...(said.length > 0 && { said }),
    ...(waiting > 0 && { attend: true }),
    ...(notice !== null && { notice }),
    agent: {
      name: agent.name,
      repository: agent.githubRepo,
      sourceBranch: agent.sourceBranch,
      targetBranch: agent.targetBranch,
      instructions: agent.instructions,
    },
    model: { id: modelId, contextTokens: model.contextTokens, maxOutputTokens: model.maxOutputTokens },
    limits: {
      // An agent may be older than the bounds of its limits; beyond them the run's events would be refused.
      maxSteps: Math.min(agent.limits.maxSteps, MAX_COUNT),
      maxTokens: agent.limits.maxTokens && Math.min(agent.limits.maxTokens, MAX_COUNT),
      maxCostUsd: agent.limits.maxCostUsd,
      maxDurationMs: agent.limits.maxDurationMs,
      maxDiskBytes: agent.limits.diskBytes,
    },
    tools: { allow: agent.tools.allow, commandTimeoutMs: parts.settings.commandTimeoutMs },
    stored: { journalId, n },
  }
}

/** Throws `payload_too_large` where it is more than a bridge takes: it is not read then. */
async function readHistory(parts: WorkerParts, agentId: string): Promise<HistoryEvent[]> {
  const bytes = await parts.stores.events.sizeOfTypes({ agentId, types: CONVERSATION_TYPES })
  if (bytes > MAX_EXECUTE_BYTES) {
    throw new BerthError(
      'payload_too_large',
      `The sandbox has lost the conversation, and of the ${Math.ceil(bytes / MEBIBYTE)} MiB in the log at most ${MAX_EXECUTE_BYTES / MEBIBYTE} MiB can be given back.`,
      { hint: 'Begin a new agent for the rest of the work; the branch of this one can be its source.' },
    )
  }
  const events = await parts.stores.events.listOfTypes({ agentId, types: CONVERSATION_TYPES })
  return events.map(({ id, type, runId, data }) => ({ id, type, runId, data }))
}
