/**
 * The other agents beside the one on the page, asked for again every few seconds while the page is looked at: a tab keeps one stream
 * only, and that one is the agent's.
 */
'use client'

import { useEffect, useState } from 'react'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { fetchAllAgents } from './use-agents.ts'

const AGAIN_MS = 10_000

export function useOtherAgents(): AgentView[] | null {
  const [agents, setAgents] = useState<AgentView[] | null>(null)
  useEffect(() => {
    let isGone = false
    const ask = () => {
      if (document.hidden) return
      fetchAllAgents().then(
        (all) => {
          if (!isGone) setAgents(all)
        },
        // The page's own connection says when the server is away; the flags stay as they were last seen.
        () => undefined,
      )
    }
    ask()
    const timer = setInterval(ask, AGAIN_MS)
    document.addEventListener('visibilitychange', ask)
    return () => {
      isGone = true
      clearInterval(timer)
      document.removeEventListener('visibilitychange', ask)
    }
  }, [])
  return agents
}
