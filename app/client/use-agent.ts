/** One agent with its log, live. */
'use client'

import { useCallback, useEffect, useRef, useState } from 'react'
import type { AgentView, EventView } from '../../lib/services/agent/schemas.ts'
import type { Problem } from '../model/problem.ts'
import { applyEvents, EMPTY_TRANSCRIPT } from '../model/transcript.ts'
import type { Transcript } from '../model/transcript-types.ts'
import { callApi } from './api.ts'
import type { Connection } from './event-reader.ts'
import { noteProblem } from './use-agents.ts'
import { useEvents } from './use-events.ts'

/** Types after which the agent itself is asked for again. */
const AGENT_CHANGING_TYPES = new Set(['status', 'message', 'run_started', 'done', 'pull_request', 'file_change'])
const REFRESH_MS = 250

export interface LiveAgent {
  agent: AgentView | null
  transcript: Transcript
  problem: Problem | null
  connection: Connection
  /** True once the log as it stood when the page opened has been read. */
  isCaughtUp: boolean
  refresh(): void
  setAgent(agent: AgentView): void
}

export function useAgent(agentId: string): LiveAgent {
  const [agent, setAgent] = useState<AgentView | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [transcript, setTranscript] = useState<Transcript>(EMPTY_TRANSCRIPT)
  const path = `/api/agents/${encodeURIComponent(agentId)}`

  const refresh = useCallback(() => {
    callApi<AgentView>(path).then(
      (found) => {
        setAgent(found)
        setProblem(null)
      },
      (error: unknown) => setProblem(noteProblem(error)),
    )
  }, [path])
  useEffect(refresh, [refresh])

  const timer = useRef<ReturnType<typeof setTimeout> | null>(null)
  useEffect(() => () => clearTimeout(timer.current ?? undefined), [])
  const connection = useEvents<EventView>({
    url: agent ? (after) => `${path}/events?after=${after}` : null,
    key: agentId,
    onReconnect: refresh,
    onEvents: (events) => {
      setTranscript((before) => applyEvents(before, events))
      if (!events.some((event) => AGENT_CHANGING_TYPES.has(event.type))) return
      timer.current ??= setTimeout(() => {
        timer.current = null
        refresh()
      }, REFRESH_MS)
    },
  })
  const opened = useRef<number | null>(null)
  if (agent && opened.current === null) opened.current = agent.lastSeq
  const isCaughtUp = opened.current !== null && transcript.lastSeq >= opened.current
  return { agent, transcript, problem, connection, isCaughtUp, refresh, setAgent }
}
