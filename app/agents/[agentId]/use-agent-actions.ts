/** What a person can ask of one agent. Owns: the calls, which one is under way, and the refusal of the last one. */
'use client'

import { useRef, useState } from 'react'
import type { DivergenceChoice, QueuedMessage } from '../../../lib/domain/agent.ts'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { callApi } from '../../client/api.ts'
import { takeStartProblem } from '../../client/start-problem.ts'
import { noteProblem } from '../../client/use-agents.ts'
import type { Problem } from '../../model/problem.ts'

export type AgentAction =
  | 'start'
  | 'chat'
  | 'interrupt'
  | 'cancel'
  | 'stop'
  | 'divergence'
  | 'change'
  | 'pull-request'
  | 'purge'

export interface AgentActions {
  busy: AgentAction | null
  problem: { action: AgentAction; problem: Problem } | null
  forget(): void
  /** Also wakes it without a run. */
  start(): Promise<boolean>
  /** Idle: a run. During one the words wait for its next step, or end the one in progress. */
  say(message: string, mode?: QueuedMessage['mode']): Promise<boolean>
  cancel(): Promise<boolean>
  stop(): Promise<boolean>
  decide(choice: DivergenceChoice): Promise<boolean>
  change(body: Record<string, unknown>): Promise<boolean>
  openPullRequest(): Promise<boolean>
  purge(): Promise<boolean>
}

export interface AgentActionsInput {
  agentId: string
  /** After every call, since either outcome may have changed the agent. */
  onDone(): void
  /** The agent as an answer has it. */
  onAgent(agent: AgentView): void
}

/** Each call answers whether it was accepted. */
export function useAgentActions({ agentId, onDone, onAgent }: AgentActionsInput): AgentActions {
  const [busy, setBusy] = useState<AgentAction | null>(null)
  const [problem, setProblem] = useState<AgentActions['problem']>(() => {
    const found = takeStartProblem(agentId)
    return found && { action: 'start', problem: found }
  })
  const path = `/api/agents/${encodeURIComponent(agentId)}`
  const run = async (action: AgentAction, call: () => Promise<unknown>): Promise<boolean> => {
    setBusy(action)
    setProblem(null)
    try {
      await call()
      return true
    } catch (error) {
      setProblem({ action, problem: noteProblem(error) })
      return false
    } finally {
      setBusy(null)
      if (action !== 'purge') onDone()
    }
  }
  const act = async (action: AgentAction, call: () => Promise<unknown>) => busy === null && (await run(action, call))
  const saying = useRef<Promise<unknown>>(Promise.resolve())
  /** Words are sent one after the other, also while others are on their way: none is dropped, and their order stays. */
  const inTurn = (call: () => Promise<boolean>): Promise<boolean> => {
    const mine = saying.current.then(call)
    saying.current = mine
    return mine
  }
  const post = <T>(verb: string, body?: unknown) =>
    callApi<T>(`${path}/${verb}`, { method: 'POST', ...(body === undefined ? {} : { body }) })
  /** What answers with the agent is shown at once. */
  const tell = (verb: string, body: unknown) => async () =>
    onAgent((await post<{ agent: AgentView }>(verb, body)).agent)
  return {
    busy,
    problem,
    forget: () => setProblem(null),
    start: () => act('start', () => post('start')),
    say: (message, mode = 'queue') =>
      inTurn(() => run(mode === 'interrupt' ? 'interrupt' : 'chat', tell('chat', { message, mode }))),
    cancel: () => act('cancel', () => post('cancel')),
    stop: () => act('stop', () => post('stop')),
    decide: (choice) => act('divergence', tell('divergence', { choice })),
    change: (body) => act('change', async () => onAgent(await callApi<AgentView>(path, { method: 'PATCH', body }))),
    openPullRequest: () => act('pull-request', () => post('pull-request')),
    purge: () => act('purge', () => callApi(`${path}?purge=true`, { method: 'DELETE' })),
  }
}
