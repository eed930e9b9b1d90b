/**
 * Plays a case from outside, as a person with a token would: creates an agent through the public API, follows its events to
 * the pull request, and compares the pull request's diff with the case's edits. The demo and the end-to-end tests share it.
 * Must not know: how the control plane, the forge or the model were started.
 */
import type { AgentView, CreateAgentInput, EventView } from '../../lib/services/agent/schemas.ts'
import type { BerthApi } from './api-client.ts'
import { compareDiffs, type DiffComparison } from './case.ts'

export interface TaskInput {
  api: BerthApi
  agent: CreateAgentInput
  /** Each event as it comes, deltas too. */
  onEvent?(event: EventView): void
  /** Called as soon as the agent exists: what is to be removed whatever happens. */
  onAgent?(agent: AgentView): void
  signal: AbortSignal
}

export interface PullRequestLink {
  number: number
  url: string
  title: string
}

export interface TaskResult {
  agentId: string
  pullRequest: PullRequestLink
  /** The pull request's diff, as the forge gives it under its address and `.diff`. */
  diff: string
  /** Stored events only. */
  events: EventView[]
}

/** Creates an agent, starts it, and follows it to its pull request. Throws an Error that says why there is none. */
export async function playTask(input: TaskInput): Promise<TaskResult> {
  const { api, signal } = input
  const agent = await api.createAgent(input.agent)
  input.onAgent?.(agent)
  await api.startAgent(agent.id)
  const events: EventView[] = []
  const pullRequest = await followAgent({
    api,
    agentId: agent.id,
    signal,
    onEvent(event) {
      if (event.seq > 0) events.push(event)
      input.onEvent?.(event)
    },
  })
  const diff = await fetchDiff(pullRequest.url, signal)
  return { agentId: agent.id, pullRequest, diff, events }
}

/** Plays a case whose right diff is known. Throws an Error when the diff differs or a command did not end as it should. */
export async function playCase(input: TaskInput & { test: string; expectedDiff: string }): Promise<TaskResult> {
  const result = await playTask(input)
  assertWentFromRedToGreen(result.events, input.test)
  const comparison = compareDiffs(result.diff, input.expectedDiff)
  if (!comparison.equal) throw new Error(`The pull request's diff is not the expected one.\n${describe(comparison)}`)
  return result
}

/**
 * Follows an agent until its run has ended and its pull request is there. Throws an Error when its start or its run fails, or
 * when there is no pull request then.
 */
export async function followAgent(input: {
  api: BerthApi
  agentId: string
  after?: number
  onEvent?(event: EventView): void
  signal: AbortSignal
}): Promise<PullRequestLink> {
  const { api, agentId, after = 0, signal } = input
  const following = new AbortController()
  const events = api.followAgent(agentId, { after, signal: AbortSignal.any([signal, following.signal]) })
  let ended = false
  let pullRequest: PullRequestLink | null = null
  try {
    for await (const event of events) {
      input.onEvent?.(event)
      assertNotFailed(event)
      if (event.type === 'done') ended = true
      if (event.type !== 'pull_request') continue
      pullRequest = readPullRequest(event) ?? pullRequest
      // One that the model asked for comes during the run; what is delivered at the end comes after it.
      if (!ended) continue
      if (pullRequest !== null) return pullRequest
      throw new Error(`No pull request was opened: ${text(event, 'reason') || text(event, 'code')}`)
    }
  } finally {
    following.abort()
  }
  signal.throwIfAborted()
  throw new Error(`The event stream of ${agentId} ended before there was a pull request.`)
}

function assertNotFailed(event: EventView): void {
  const { type, data } = event
  if (type === 'status' && data.status === 'FAILED') {
    const tail = Array.isArray(data.logTail) ? `\n${data.logTail.join('\n')}` : ''
    throw new Error(`The agent could not be started (${text(event, 'code')}): ${text(event, 'message')}${tail}`)
  }
  if (type === 'done' && data.reason !== 'completed') {
    throw new Error(`The run ended with ${text(event, 'reason')}: ${text(event, 'message') || text(event, 'summary')}`)
  }
}

function readPullRequest(event: EventView): PullRequestLink | null {
  const { number } = event.data
  if (typeof number !== 'number') return null
  return { number, url: text(event, 'url'), title: text(event, 'title') }
}

function text(event: EventView, name: string): string {
  const value = event.data[name]
  return typeof value === 'string' ? value : ''
}

async function fetchDiff(pullRequestUrl: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${pullRequestUrl}.diff`, { signal })
  if (!response.ok) throw new Error(`GET ${pullRequestUrl}.diff was answered ${response.status}.`)
  return response.text()
}

/** The test command must have ended with a failure first and with success last, as the sandbox reported it. */
export function assertWentFromRedToGreen(events: EventView[], test: string): void {
  const calls = new Set(
    events
      .filter(
        ({ type, data }) =>
          type === 'tool_call' && JSON.stringify(data.input).includes(JSON.stringify(test).slice(1, -1)),
      )
      .map(({ data }) => data.toolCallId),
  )
  const codes = events
    .filter(({ type, data }) => type === 'tool_result' && calls.has(data.toolCallId))
    .map(({ data }) => (data.detail as { exitCode?: unknown } | undefined)?.exitCode)
  const wasRed = typeof codes[0] === 'number' && codes[0] !== 0
  if (codes.length < 2 || !wasRed || codes.at(-1) !== 0) {
    throw new Error(
      `\`${test}\` should have failed first and passed last; its exit statuses were [${codes.join(', ')}].`,
    )
  }
}

function describe({ missing, unexpected, different }: DiffComparison): string {
  const lines = [
    ['not changed, but should be', missing],
    ['changed, but should not be', unexpected],
    ['changed in another way', different],
  ] as const
  return lines.flatMap(([words, files]) => (files.length > 0 ? [`  ${words}: ${files.join(', ')}`] : [])).join('\n')
}
