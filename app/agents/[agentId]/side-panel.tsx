'use client'

import { type KeyboardEvent, useEffect, useRef } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { TaskList } from '../../components/task-list.tsx'
import type { Possible } from '../../model/live-agent.ts'
import type { Transcript } from '../../model/transcript-types.ts'
import { ChangesPane } from './changes-pane.tsx'
import { DetailsPane } from './details-pane.tsx'
import { EditPane } from './edit-pane.tsx'
import { PullPane } from './pull-pane.tsx'
import type { AgentActions } from './use-agent-actions.ts'
import type { AgentEditor } from './use-agent-editor.ts'

export const panelTabs = ['changes', 'plan', 'pull', 'details'] as const
export type PanelTab = (typeof panelTabs)[number]

export interface SidePanelProps {
  agent: AgentView
  transcript: Transcript
  actions: AgentActions
  possible: Possible
  editor: AgentEditor
  tab: PanelTab
  setTab(tab: PanelTab): void
  isSheetOpen: boolean
  closeSheet(): void
}

/** Beside the conversation; on narrow screens a sheet over it. Keeps its scroll for each tab. */
export function SidePanel(props: SidePanelProps) {
  const { tab, setTab, transcript, isSheetOpen } = props
  const root = useRef<HTMLElement>(null)
  const pane = useKeptScroll(tab)
  useEffect(() => {
    // What was opened in it may have the keyboard already.
    if (!isSheetOpen || root.current?.contains(document.activeElement)) return
    root.current?.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus()
  }, [isSheetOpen])
  return (
    <aside className="panel" aria-label="Side panel" ref={root}>
      <button className="sheet-grip" type="button" aria-label="Close the sheet" onClick={props.closeSheet} />
      <div className="tabs" role="tablist" aria-label="Side panel" onKeyDown={(event) => moveTab(event, tab, setTab)}>
        {panelTabs.map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === tab}
            aria-controls="pane"
            tabIndex={name === tab ? 0 : -1}
            onClick={() => setTab(name)}
          >
            {TITLES[name]} <TabCount name={name} transcript={transcript} />
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
      <div className="pane" id="pane" ref={pane} role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
        <PaneBody {...props} />
      </div>
    </aside>
  )
}

const TITLES: Record<PanelTab, string> = {
  changes: 'Changes',
  plan: 'Plan',
  pull: 'Pull request',
  details: 'Details',
}

function TabCount({ name, transcript }: { name: PanelTab; transcript: Transcript }) {
  if (name === 'changes' && transcript.files.length > 0) return <span className="count">{transcript.files.length}</span>
  if (name === 'plan' && transcript.tasks.length > 0) {
    const done = transcript.tasks.filter((task) => task.status === 'completed').length
    return (
      <span className="count">
        {done}/{transcript.tasks.length}
      </span>
    )
  }
  if (name === 'details' && transcript.refusals.length > 0) {
    return (
      <span className="count" title="Refused connections">
        {transcript.refusals.length}
      </span>
    )
  }
  return null
}

function PaneBody({ agent, transcript, actions, possible, editor, tab }: SidePanelProps) {
  switch (tab) {
    case 'changes':
      return <ChangesPane files={transcript.files} />
    case 'plan':
      return <PlanPane transcript={transcript} />
    case 'pull':
      return <PullPane agent={agent} transcript={transcript} actions={actions} possible={possible} />
    case 'details':
      return editor.open ? (
        <EditPane open={editor.open} editor={editor} isBusy={actions.busy !== null} />
      ) : (
        <DetailsPane agent={agent} transcript={transcript} edit={editor.show} />
      )
  }
}

function PlanPane({ transcript }: { transcript: Transcript }) {
  if (transcript.tasks.length === 0) {
    return <p className="pane-empty muted">The steps it plans for itself will be here, ticked off as it goes.</p>
  }
  return (
    <div className="plan-pane">
      <TaskList tasks={transcript.tasks} />
    </div>
  )
}

function moveTab(event: KeyboardEvent<HTMLElement>, tab: PanelTab, setTab: (tab: PanelTab) => void): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
  if (step === 0) return
  event.preventDefault()
  const next = panelTabs[(panelTabs.indexOf(tab) + step + panelTabs.length) % panelTabs.length] ?? tab
  setTab(next)
  event.currentTarget.querySelector<HTMLElement>(`#tab-${next}`)?.focus()
}

function useKeptScroll(tab: PanelTab) {
  const ref = useRef<HTMLDivElement>(null)
  const kept = useRef<Partial<Record<PanelTab, number>>>({})
  useEffect(() => {
    const pane = ref.current
    if (!pane) return
    pane.scrollTop = kept.current[tab] ?? 0
    const keep = () => {
      kept.current[tab] = pane.scrollTop
    }
    pane.addEventListener('scroll', keep, { passive: true })
    return () => pane.removeEventListener('scroll', keep)
  }, [tab])
  return ref
}
