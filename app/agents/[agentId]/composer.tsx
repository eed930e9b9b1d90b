'use client'

import { type FormEvent, type KeyboardEvent, type Ref, useEffect, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Delta } from '../../components/delta.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import type { Possible } from '../../model/live-agent.ts'
import type { Transcript } from '../../model/transcript-types.ts'
import type { PanelTab } from './side-panel.tsx'
import type { AgentActions } from './use-agent-actions.ts'

export interface ComposerProps {
  ref: Ref<HTMLTextAreaElement>
  agent: AgentView
  transcript: Transcript
  actions: AgentActions
  possible: Possible
  showTab(tab: PanelTab): void
}

/** The next instruction. The draft is kept for each agent across reloads. */
export function Composer({ ref, agent, transcript, actions, possible, showTab }: ComposerProps) {
  const [draft, setDraft] = useDraft(agent.id)
  const canSend = possible.instruct && draft.trim() !== '' && actions.busy === null
  const send = async () => {
    if (canSend && (await actions.resume(draft.trim()))) setDraft('')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void send()
  }
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    void send()
  }
  const isNew = agent.run === null
  return (
    <form className="composer" onSubmit={submit}>
      <SheetChips agent={agent} transcript={transcript} showTab={showTab} />
      {actions.problem && actions.problem.action !== 'purge' && (
        <div className="composer-problem">
          <ProblemNote problem={actions.problem.problem}>
            <button className="btn quiet sm" type="button" onClick={actions.forget}>
              Dismiss
            </button>
          </ProblemNote>
        </div>
      )}
      <div className="write">
        {!isNew && (
          <textarea
            ref={ref}
            aria-label="Instruction"
            placeholder={placeholderOf(agent)}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            onKeyDown={press}
          />
        )}
        <div className="tools">
          <span className="faint cut model" title={`Model: ${agent.model}`}>
            {agent.model}
          </span>
          <span className="grow" />
          <span className="said muted cut">{sayWhy(agent, possible)}</span>
          <Acts actions={actions} possible={possible} isNew={isNew} canSend={canSend} />
        </div>
      </div>
    </form>
  )
}

interface ActsProps {
  actions: AgentActions
  possible: Possible
  isNew: boolean
  canSend: boolean
}

function Acts({ actions, possible, isNew, canSend }: ActsProps) {
  return (
    <>
      {possible.cancel && (
        <button className="btn" type="button" disabled={actions.busy !== null} onClick={() => void actions.cancel()}>
          {actions.busy === 'cancel' ? 'Cancelling' : 'Cancel run'}
        </button>
      )}
      {isNew && possible.start && (
        <button
          className="btn primary"
          type="button"
          disabled={actions.busy !== null}
          onClick={() => void actions.start()}
        >
          <LineIcon name="play" small />
          {actions.busy === 'start' ? 'Starting' : 'Start'}
        </button>
      )}
      {!isNew && !possible.cancel && (
        <button className="btn primary" type="submit" disabled={!canSend}>
          {actions.busy === 'resume' ? 'Sending' : 'Send'} <kbd className="desk">Ctrl ↵</kbd>
        </button>
      )}
    </>
  )
}

function placeholderOf(agent: AgentView): string {
  if (agent.status === 'FAILED') return 'Or give it another instruction'
  if (agent.status === 'SLEEPING' || agent.status === 'IDLE') return 'Tell it what to do next; its files are kept'
  return 'Tell the agent what to do next'
}

function sayWhy(agent: AgentView, possible: Possible): string {
  if (possible.cancel) return 'It is at work. Send the next instruction when this run has ended.'
  if (agent.status === 'STOPPING') return 'It is being stopped.'
  if (agent.run === null && possible.start) return 'Not started yet.'
  return ''
}

/** On narrow screens: the ways to the panel, which is a sheet there. */
function SheetChips({
  agent,
  transcript,
  showTab,
}: {
  agent: AgentView
  transcript: Transcript
  showTab(tab: PanelTab): void
}) {
  const done = transcript.tasks.filter((task) => task.status === 'completed').length
  return (
    <div className="sheets">
      <button className="btn sm" type="button" onClick={() => showTab('changes')}>
        Changes
        <span>
          <Delta
            additions={transcript.files.reduce((sum, file) => sum + file.additions, 0)}
            deletions={transcript.files.reduce((sum, file) => sum + file.deletions, 0)}
          />
        </span>
      </button>
      {transcript.tasks.length > 0 && (
        <button className="btn sm" type="button" onClick={() => showTab('plan')}>
          Plan
          <span className="count">
            {done}/{transcript.tasks.length}
          </span>
        </button>
      )}
      <button className="btn sm" type="button" onClick={() => showTab('pull')}>
        <LineIcon name="pr" small />
        {agent.pullRequest ? `#${agent.pullRequest.number}` : 'Pull request'}
      </button>
      <button className="btn sm" type="button" onClick={() => showTab('details')}>
        Details
      </button>
    </div>
  )
}

function useDraft(agentId: string): [string, (draft: string) => void] {
  const key = `berth-draft-${agentId}`
  const [draft, setDraft] = useState('')
  useEffect(() => setDraft(localStorage.getItem(key) ?? ''), [key])
  const put = (next: string) => {
    setDraft(next)
    if (next === '') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  }
  return [draft, put]
}
