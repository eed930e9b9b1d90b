/**
 * The work of a run leaves: commit what is left, push the target branch, open or update the pull request. Done by code,
 * safe to do again, and where it is skipped the log says why.
 */
import type { WorkspaceState } from '../../../container/contract/bridge.ts'
import type { Agent, Run } from '../../domain/agent.ts'
import {
  COMMAND_TOOL,
  CommandCollector,
  type CommandEvidence,
  writeCommitMessage,
  writePullRequestBody,
} from '../../domain/pull-request-text.ts'
import { isBerthError, isDatabaseAway, isLeaseLost } from '../../errors.ts'
import type { CoreParts, Parts } from '../context.ts'
import { writeAsHolder } from '../event/write.ts'
import type { SandboxConnection } from '../sandbox/connection.ts'
import { isAsRecorded } from '../sandbox/divergence.ts'

/** A run that ended so has not been asked to deliver what it left behind. */
const NOT_DELIVERED: readonly string[] = ['cancelled', 'provider_error', 'failed', 'sandbox_lost', 'disk_limit']

/** A page is measured whole before it is cut to what one may hold: of the largest events this is some 25 MiB for 4. */
const EVIDENCE_PAGE = 100

const CHANGED_NOTHING = 'The run changed nothing.'

export interface Delivery {
  action: 'opened' | 'updated' | 'skipped'
  number?: number
  url?: string
  title?: string
  reason?: string
  code?: string
}

/**
 * `asked`: a person asked for it, so it is tried whatever the settings and the run's end. Answers with what was stored as
 * the `pull_request` event; a failure on the way is a skipped delivery with its reason. Thrown is what keeps it from being
 * stored, and, unless this try `isFinal`, the loss of the sandbox or its engine: then it is to be done again.
 */
export async function deliver(input: {
  parts: CoreParts
  agent: Agent
  run: Run
  connection: SandboxConnection
  asked: boolean
  isFinal: boolean
  /** Gives it up: then its reason is thrown, and nothing is stored of the attempt's end. */
  signal: AbortSignal
}): Promise<Delivery> {
  const { parts, agent, run } = input
  // After a run what it left is put on record anyway.
  const before = input.asked ? await lookAtWorkspace(input) : null
  const delivery = await attempt(input)
  // What was done before it failed is nobody else's change; what somebody else had changed is still to be asked about.
  const isOurs = before !== null && agent.workspace !== null && isAsRecorded(agent.workspace, before)
  const left = delivery.action === 'skipped' && isOurs ? await lookAtWorkspace(input) : null
  await writeAsHolder(parts, agent.id, (tx) => {
    if (left?.cloned) tx.update({ workspace: left })
    if (input.asked) tx.update({ deliveryAskedAt: null, activeAt: parts.clock.now() })
    if (delivery.number !== undefined && delivery.url !== undefined && delivery.title !== undefined) {
      tx.update({ pullRequest: { number: delivery.number, url: delivery.url, title: delivery.title } })
    }
    tx.append('pull_request', { ...delivery }, { runId: run.id })
  })
  return delivery
}

/** Null where it cannot be had, which is no reason not to deliver. */
async function lookAtWorkspace(input: Parameters<typeof deliver>[0]): Promise<WorkspaceState | null> {
  const { parts, agent, connection, signal } = input
  try {
    return await connection.client.workspaceState(signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!isBerthError(error)) throw error
    parts.logger.warn('the workspace could not be looked at beside a delivery', { agentId: agent.id, error })
    return null
  }
}

async function attempt(input: Parameters<typeof deliver>[0]): Promise<Delivery> {
  const { parts, agent, run, asked } = input
  if (!asked && !agent.autoPullRequest) return skipped('Automatic pull requests are off for this agent.')
  if (!asked && NOT_DELIVERED.includes(run.reason ?? '')) {
    return skipped(`The run ended as ${run.reason}; ask for a pull request to send what there is.`)
  }
  try {
    return await commitPushOpen(input)
  } catch (error) {
    input.signal.throwIfAborted()
    if (isDatabaseAway(error) || isLeaseLost(error)) throw error
    if (!input.isFinal && isAway(error)) throw error
    parts.logger.warn('a pull request could not be made', { agentId: agent.id, error })
    if (isBerthError(error)) return { ...skipped(error.message), code: error.code }
    return { ...skipped('An unexpected error, which the log names.'), code: 'internal' }
  }
}

/** Nothing is wrong with the work: another sandbox can deliver it. */
function isAway(error: unknown): boolean {
  return isBerthError(error) && (error.code === 'sandbox_lost' || error.code === 'engine_unreachable')
}

async function commitPushOpen(input: Parameters<typeof deliver>[0]): Promise<Delivery> {
  const { parts, agent, run, connection, signal } = input
  const message = writeCommitMessage(agent.name, run.summary)
  const commit = await connection.client.commit({ message, author: parts.settings.gitUser, runId: run.id }, signal)
  const workspace = await connection.client.workspaceState(signal)
  await writeAsHolder(parts, agent.id, async (tx) => {
    // The commit is Berth's own: the next run must not take it for a change from outside.
    tx.update({ workspace })
    if (commit.additions !== undefined && commit.deletions !== undefined) {
      tx.update({ additions: commit.additions, deletions: commit.deletions })
    }
    const { files = 0 } = commit
    const sha = commit.sha ?? commit.earlierSha
    if (sha === undefined || (await tx.hasCommit(sha))) return
    tx.appendOwn('commit', { sha, subject: agent.name, branch: agent.targetBranch, files }, run.id)
  })
  if (commit.ahead === 0) return skipped(CHANGED_NOTHING)
  if (!input.asked && agent.pullRequest !== null && (await isPushedBefore({ parts, agent, run, head: commit.head }))) {
    return skipped(CHANGED_NOTHING)
  }
  if (!parts.forge.authenticated) {
    return {
      ...skipped('No GitHub token is configured, so nothing can be pushed. Set GITHUB_TOKEN.'),
      code: 'repository_forbidden',
    }
  }
  const pushed = await connection.client.push({ targetBranch: agent.targetBranch }, signal)
  if (!pushed.ok) return { ...skipped(`The push was refused: ${pushed.message}`), code: 'upstream_failed' }
  const body = writePullRequestBody({
    summary: run.summary,
    run,
    model: agent.model,
    evidence: await readEvidence(parts, run),
    isolated: parts.driver.isolated,
  })
  return await openOrUpdate({ parts, agent, title: agent.name, body })
}

/** A page at a time: what a run said may be far more than is shown of it. */
async function readEvidence({ stores }: Pick<CoreParts, 'stores'>, run: Run): Promise<CommandEvidence> {
  const commands = new CommandCollector()
  for (let after = 0; ; ) {
    const calls = { agentId: run.agentId, runId: run.id, tool: COMMAND_TOOL }
    const page = await stores.events.listToolAfter({ ...calls, after, limit: EVIDENCE_PAGE })
    for (const event of page) commands.add(event)
    const last = page.at(-1)
    if (last === undefined) return commands.evidence()
    after = last.seq
  }
}

/** Whether what there is was pushed before this run, which then must not replace the words of the one that made it. */
async function isPushedBefore(input: { parts: CoreParts; agent: Agent; run: Run; head: string }): Promise<boolean> {
  const { parts, agent, run, head } = input
  if (head !== agent.targetTip) return false
  const pushes = await parts.stores.events.listOfTypes({ agentId: agent.id, types: ['push'], runIds: [run.id] })
  return pushes.length === 0
}

/** Looks for an open pull request of the branches and updates its body, or opens one. */
export async function openOrUpdate(input: {
  parts: Pick<Parts, 'forge'>
  agent: Agent
  title: string
  body: string
}): Promise<Delivery & { number: number; url: string; title: string }> {
  const { parts, agent, title, body } = input
  const branches = { repository: agent.githubRepo, head: agent.targetBranch, base: agent.sourceBranch }
  const open = await parts.forge.findOpenPullRequest(branches)
  const pullRequest = open
    ? await parts.forge.updatePullRequest({ repository: agent.githubRepo, number: open.number, body })
    : await parts.forge.openPullRequest({ ...branches, title, body })
  return {
    action: open ? 'updated' : 'opened',
    number: pullRequest.number,
    url: pullRequest.url,
    title: pullRequest.title,
  }
}

function skipped(reason: string): Delivery {
  return { action: 'skipped', reason }
}
