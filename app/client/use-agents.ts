/** All agents that one may see, kept current by the tab's stream of events. */
'use client'

import { useCallback, useEffect, useRef, useState } from 'react'
import type { AgentView, Page } from '../../lib/services/agent/schemas.ts'
import { type Activities, type AgentEventView, applyActivity, ROW_CHANGING_TYPES } from '../model/agent-activity.ts'
import { type Problem, ProblemError, toProblem } from '../model/problem.ts'
import { callApi, goToSignIn } from './api.ts'
import type { Connection } from './event-reader.ts'
import { useEvents } from './use-events.ts'

const PAGE_LIMIT = 200
/** A row asks for its agent again at most this often, however much it reports. */
const REFRESH_MS = 400

export interface Agents {
  /** Null until they are known. */
  agents: AgentView[] | null
  problem: Problem | null
  activities: Activities
  connection: Connection
  refresh(): void
}

export function useAgents(): Agents {
  const [agents, setAgents] = useState<AgentView[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [activities, setActivities] = useState<Activities>({})

  const refresh = useCallback(() => {
    fetchAllAgents().then(
      (all) => {
        setAgents(all)
        setProblem(null)
      },
      (error: unknown) => setProblem(noteProblem(error)),
    )
  }, [])
  useEffect(refresh, [refresh])

  const refreshOne = useRefreshOne(setAgents, setProblem)
  const connection = useEvents<AgentEventView>({
    url: () => '/api/events',
    key: 'agents',
    onReconnect: refresh,
    onEvents: (events) => {
      setActivities((before) => events.reduce(applyActivity, before))
      for (const { type, agentId } of events) {
        if (type === 'agent_removed') setAgents((before) => before?.filter(({ id }) => id !== agentId) ?? null)
        else if (ROW_CHANGING_TYPES.has(type)) refreshOne(agentId)
      }
    },
  })
  return { agents, problem, activities, connection, refresh }
}

/** Asks again for single agents, each at most once in REFRESH_MS, the last asking always answered. */
function useRefreshOne(
  setAgents: (change: (agents: AgentView[] | null) => AgentView[] | null) => void,
  setProblem: (problem: Problem) => void,
): (agentId: string) => void {
  const timers = useRef(new Map<string, ReturnType<typeof setTimeout>>())
  useEffect(() => {
    const pending = timers.current
    return () => {
      for (const timer of pending.values()) clearTimeout(timer)
      pending.clear()
    }
  }, [])
  return useCallback(
    (agentId: string) => {
      if (timers.current.has(agentId)) return
      const fetchIt = () => {
        timers.current.delete(agentId)
        callApi<AgentView>(`/api/agents/${agentId}`).then(
          (agent) => setAgents((before) => putAgent(before, agent)),
          (error: unknown) => {
            const found = noteProblem(error)
            if (found.status === 404) setAgents((before) => before?.filter(({ id }) => id !== agentId) ?? null)
            else setProblem(found)
          },
        )
      }
      timers.current.set(agentId, setTimeout(fetchIt, REFRESH_MS))
    },
    [setAgents, setProblem],
  )
}

function putAgent(agents: AgentView[] | null, agent: AgentView): AgentView[] | null {
  if (agents === null) return null
  const isKnown = agents.some(({ id }) => id === agent.id)
  return isKnown ? agents.map((other) => (other.id === agent.id ? agent : other)) : [agent, ...agents]
}

/** Every page of the list. */
export async function fetchAllAgents(): Promise<AgentView[]> {
  const all: AgentView[] = []
  let cursor: string | null = null
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Page<AgentView> = await callApi(`/api/agents?limit=${PAGE_LIMIT}${query}`)
    all.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return all
}

/** Sends a person whose session has ended to sign in; answers the problem for everything else. */
export function noteProblem(error: unknown): Problem {
  if (error instanceof ProblemError && error.problem.status === 401) goToSignIn()
  return toProblem(error)
}
