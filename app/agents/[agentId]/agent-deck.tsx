'use client'

import { useEffect, useRef, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import type { LiveAgent } from '../../client/use-agent.ts'
import { useHotkeys } from '../../client/use-hotkeys.ts'
import { useQueue } from '../../client/use-queue.ts'
import { faceOf } from '../../model/agent-face.ts'
import { possibleIn } from '../../model/live-agent.ts'
import { WAITS_FOR_MODEL, waitsForModel } from '../../model/model-wait.ts'
import { Composer } from './composer.tsx'
import { Conversation } from './conversation.tsx'
import { ShipHeader } from './ship-header.tsx'
import { type PanelTab, SidePanel } from './side-panel.tsx'
import type { AgentActions } from './use-agent-actions.ts'
import { type ShowEditor, useAgentEditor } from './use-agent-editor.ts'

export interface AgentDeckProps {
  live: LiveAgent
  /** As the API last had it. */
  known: AgentView
  /** With what the log has said since. */
  agent: AgentView
  actions: AgentActions
  isSheetOpen: boolean
  setSheetOpen(isOpen: boolean): void
  onDelete(): void
}

/** Header, conversation, composer and panel of one agent, in the order in which they take focus. */
export function AgentDeck({ live, known, agent, actions, isSheetOpen, setSheetOpen, onDelete }: AgentDeckProps) {
  const { transcript } = live
  const [tab, setTab] = useState<PanelTab>('changes')
  const composer = useRef<HTMLTextAreaElement>(null)
  const editor = useAgentEditor(agent, actions)
  const queue = useQueue(known, live.refresh)
  const face = faceOf(agent)
  const possible = possibleIn(agent)
  const title = `${agent.needs === null ? '' : '(1) '}${face.word}: ${agent.name} · Berth`
  useEffect(() => {
    document.title = title
  }, [title])
  const showTab = (next: PanelTab) => {
    setTab(next)
    setSheetOpen(true)
  }
  const edit: ShowEditor = (target) => {
    editor.show(target)
    showTab('details')
  }
  useHotkeys({
    i: () => composer.current?.focus(),
    'ctrl+.': () => {
      if (possible.stop) void actions.stop()
    },
    escape: () => setSheetOpen(false),
    '1': () => showTab('changes'),
    '2': () => showTab('plan'),
    '3': () => showTab('pull'),
    '4': () => showTab('details'),
  })
  const shared = { agent, transcript, actions, possible }
  return (
    <>
      <ShipHeader {...shared} face={face} onDelete={onDelete} />
      <div className="talk">
        <Conversation
          live={live}
          agent={agent}
          actions={actions}
          canGoOn={possible.instruct}
          edit={edit}
          onDelete={onDelete}
        />
        <Composer {...shared} ref={composer} queue={queue} showTab={showTab} />
      </div>
      <SidePanel
        {...shared}
        editor={editor}
        tab={tab}
        setTab={setTab}
        isSheetOpen={isSheetOpen}
        closeSheet={() => setSheetOpen(false)}
      />
      {/* Percentages of a clone would be read out one after the other: a start is said once, and so is a wait of many tries. */}
      <p className="sr" role="status" aria-live="polite">
        {agent.status === 'STARTING' ? face.word : `${face.word}${face.tail}`}
        {agent.status === 'RUNNING' && waitsForModel(transcript.turns.at(-1)) && `, ${WAITS_FOR_MODEL}`}
      </p>
    </>
  )
}
