/** What a person can ask of one agent. Owns: the calls, which one is under way, and the refusal of the last one. */
'use client'

import { useState } from 'react'
import { callApi } from '../../client/api.ts'
import { takeStartProblem } from '../../client/start-problem.ts'
import { noteProblem } from '../../client/use-agents.ts'
import type { Problem } from '../../model/problem.ts'

export type AgentAction = 'start' | 'resume' | 'cancel' | 'stop' | 'pull-request' | 'purge'

export interface AgentActions {
  busy: AgentAction | null
  problem: { action: AgentAction; problem: Problem } | null
  forget(): void
  start(): Promise<boolean>
  resume(newTask: string): Promise<boolean>
  cancel(): Promise<boolean>
  stop(): Promise<boolean>
  openPullRequest(): Promise<boolean>
  purge(): Promise<boolean>
}

/** Each call answers whether it was accepted; `onDone` runs after every one, since either outcome may have changed the agent. */
export function useAgentActions(agentId: string, onDone: () => void): AgentActions {
  const [busy, setBusy] = useState<AgentAction | null>(null)
  const [problem, setProblem] = useState<AgentActions['problem']>(() => {
    const found = takeStartProblem(agentId)
    return found && { action: 'start', problem: found }
  })
  const path = `/api/agents/${encodeURIComponent(agentId)}`
  const act = async (action: AgentAction, call: () => Promise<unknown>): Promise<boolean> => {
    if (busy !== null) return false
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
  const post = (action: AgentAction, body?: unknown) =>
    act(action, () => callApi(`${path}/${action}`, { method: 'POST', ...(body === undefined ? {} : { body }) }))
  return {
    busy,
    problem,
    forget: () => setProblem(null),
    start: () => post('start'),
    resume: (newTask) => post('resume', { newTask }),
    cancel: () => post('cancel'),
    stop: () => post('stop'),
    openPullRequest: () => post('pull-request'),
    purge: () => act('purge', () => callApi(`${path}?purge=true`, { method: 'DELETE' })),
  }
}
