'use client'

import { notFound, useRouter } from 'next/navigation'
import { useEffect, useRef, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { useAgent } from '../../client/use-agent.ts'
import { useHotkeys } from '../../client/use-hotkeys.ts'
import { useOtherAgents } from '../../client/use-other-agents.ts'
import { Bar } from '../../components/bar.tsx'
import { LoadingRows } from '../../components/loading-rows.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { faceOf } from '../../model/agent-face.ts'
import { groupOf } from '../../model/agent-groups.ts'
import { overlayStatus, possibleIn } from '../../model/live-agent.ts'
import { Composer } from './composer.tsx'
import { Conversation } from './conversation.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { Quay } from './quay.tsx'
import { ShipHeader } from './ship-header.tsx'
import { type PanelTab, SidePanel } from './side-panel.tsx'
import { useAgentActions } from './use-agent-actions.ts'

export function AgentPage({ agentId }: { agentId: string }) {
  const router = useRouter()
  const live = useAgent(agentId)
  const others = useOtherAgents()
  const actions = useAgentActions(agentId, live.refresh)
  const [tab, setTab] = useState<PanelTab>('changes')
  const [isSheetOpen, setSheetOpen] = useState(false)
  const [isDeleting, setDeleting] = useState(false)
  const composer = useRef<HTMLTextAreaElement>(null)
  const agent = live.agent && overlayStatus(live.agent, live.transcript)
  const face = agent && faceOf(agent)
  const possible = agent && possibleIn(agent)

  useEffect(() => {
    if (agent && face) document.title = `${face.word}: ${agent.name} · Berth`
  }, [agent, face])
  const showTab = (next: PanelTab) => {
    setTab(next)
    setSheetOpen(true)
  }
  useHotkeys({
    i: () => composer.current?.focus(),
    'ctrl+.': () => {
      if (possible?.stop) void actions.stop()
    },
    escape: () => setSheetOpen(false),
    '1': () => showTab('changes'),
    '2': () => showTab('plan'),
    '3': () => showTab('pull'),
    '4': () => showTab('details'),
  })
  const isGone =
    live.problem?.status === 404 || (live.connection.state === 'refused' && live.connection.problem.status === 404)
  if (isGone && !isDeleting) notFound()

  const needs = others === null ? null : others.filter((other) => groupOf(other) === 'needs').length
  return (
    <div className="agent-page" data-sheet={isSheetOpen ? '' : undefined}>
      <Bar here="agent" needs={needs} connection={live.agent ? live.connection : null} />
      <main id="main" className="deck">
        <Quay agents={others && withCurrent(others, agent)} current={agentId} />
        {agent && face && possible ? (
          <>
            <ShipHeader
              agent={agent}
              face={face}
              transcript={live.transcript}
              actions={actions}
              possible={possible}
              onDelete={() => setDeleting(true)}
            />
            <div className="talk">
              <Conversation live={live} agent={agent} actions={actions} onDelete={() => setDeleting(true)} />
              <Composer
                ref={composer}
                agent={agent}
                transcript={live.transcript}
                actions={actions}
                possible={possible}
                showTab={showTab}
              />
            </div>
            <SidePanel
              agent={agent}
              transcript={live.transcript}
              actions={actions}
              possible={possible}
              tab={tab}
              setTab={setTab}
              isSheetOpen={isSheetOpen}
              closeSheet={() => setSheetOpen(false)}
            />
            <p className="sr" role="status" aria-live="polite">
              {face.word}
              {face.tail}
            </p>
          </>
        ) : (
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

/** Of the agent on the page more is known than of the others. */
function withCurrent(others: AgentView[], agent: AgentView | null): AgentView[] {
  return others.map((other) => (agent?.id === other.id ? agent : other))
}
