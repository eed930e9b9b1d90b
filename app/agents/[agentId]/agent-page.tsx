'use client'

import { notFound, useRouter } from 'next/navigation'
import { useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { type LiveAgent, useAgent } from '../../client/use-agent.ts'
import { useOtherAgents } from '../../client/use-other-agents.ts'
import { Bar } from '../../components/bar.tsx'
import { LoadingRows } from '../../components/loading-rows.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { groupOf } from '../../model/agent-groups.ts'
import { overlayStatus } from '../../model/live-agent.ts'
import { AgentDeck } from './agent-deck.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { Quay } from './quay.tsx'
import { useAgentActions } from './use-agent-actions.ts'

export function AgentPage({ agentId }: { agentId: string }) {
  const router = useRouter()
  const live = useAgent(agentId)
  const others = useOtherAgents()
  const actions = useAgentActions({ agentId, onDone: live.refresh, onAgent: live.setAgent })
  const [isSheetOpen, setSheetOpen] = useState(false)
  const [isDeleting, setDeleting] = useState(false)
  const agent = live.agent && overlayStatus(live.agent, live.transcript)
  if (isGone(live) && !isDeleting) notFound()
  const needs = others === null ? null : others.filter((other) => groupOf(other) === 'needs').length
  return (
    <div className="agent-page" data-sheet={isSheetOpen ? '' : undefined}>
      <Bar here="agent" needs={needs} connection={live.agent ? live.connection : null} />
      <main id="main" className="deck">
        <Quay agents={others && withCurrent(others, agent)} current={agentId} />
        {agent && live.agent ? (
          <AgentDeck
            live={live}
            known={live.agent}
            agent={agent}
            actions={actions}
            isSheetOpen={isSheetOpen}
            setSheetOpen={setSheetOpen}
            onDelete={() => setDeleting(true)}
          />
        ) : (
          <Unknown live={live} />
        )}
      </main>
      {isDeleting && agent && (
        <DeleteDialog
          agent={agent}
          actions={actions}
          onKeep={() => setDeleting(false)}
          onGone={() => router.push('/agents')}
        />
      )}
    </div>
  )
}

/** Not known yet, or not to be had. */
function Unknown({ live }: { live: LiveAgent }) {
  return (
    <div className="deck-loading">
      {live.problem ? (
        <ProblemNote problem={live.problem}>
          <button className="btn sm" type="button" onClick={live.refresh}>
            Try again
          </button>
        </ProblemNote>
      ) : (
        <LoadingRows rows={5} what="the agent" />
      )}
    </div>
  )
}

function isGone({ problem, connection }: LiveAgent): boolean {
  return problem?.status === 404 || (connection.state === 'refused' && connection.problem.status === 404)
}

/** Of the agent on the page more is known than of the others. */
function withCurrent(others: AgentView[], agent: AgentView | null): AgentView[] {
  return others.map((other) => (agent?.id === other.id ? agent : other))
}
