'use client'

import { type FormEvent, type KeyboardEvent, type RefObject, useCallback } from 'react'
import type { QueuedMessage } from '../../../lib/domain/agent.ts'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import type { Queue } from '../../client/use-queue.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { composerWords } from '../../model/composer-words.ts'
import type { Possible } from '../../model/live-agent.ts'
import type { Transcript } from '../../model/transcript-types.ts'
import { DecisionCard } from './decision-card.tsx'
import { QueueList } from './queue-list.tsx'
import { SheetChips } from './sheet-chips.tsx'
import type { PanelTab } from './side-panel.tsx'
import type { AgentAction, AgentActions } from './use-agent-actions.ts'
import { useDraft } from './use-draft.ts'

export interface ComposerProps {
  ref: RefObject<HTMLTextAreaElement | null>
  agent: AgentView
  transcript: Transcript
  actions: AgentActions
  possible: Possible
  queue: Queue
  showTab(tab: PanelTab): void
}

/** Shown where they belong: a change in its form, a deletion in its dialog. */
const SHOWN_ELSEWHERE: ReadonlySet<AgentAction> = new Set(['purge', 'change'])

/** What is said next: an instruction, words to the run in progress, or a decision that a run waits for. */
export function Composer({ ref, agent, transcript, actions, possible, queue, showTab }: ComposerProps) {
  const draft = useDraft(agent.id)
  const canSay = possible.instruct || possible.queue
  const isSaying = actions.busy === 'chat' || actions.busy === 'interrupt'
  const canSend = canSay && draft.text.trim() !== '' && (actions.busy === null || isSaying)
  const send = async (mode: QueuedMessage['mode']) => {
    if (!canSend) return
    const said = draft.text.trim()
    draft.put('')
    if (!(await actions.say(said, mode))) draft.giveBack(said)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void send('queue')
  }
  const press = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
    const withControl = event.ctrlKey || event.metaKey
    // Under a finger Enter makes a line, as everywhere there.
    if (!withControl && (event.shiftKey || matchMedia('(pointer: coarse)').matches)) return
    event.preventDefault()
    void send(withControl && event.shiftKey && possible.interrupt ? 'interrupt' : 'queue')
  }
  const focusField = useCallback(() => ref.current?.focus(), [ref])
  const { problem } = actions
  const decision = agent.needs === 'divergence' ? agent.divergence : null
  const words = composerWords(agent, possible, queue.items.length)
  return (
    <form className="composer" onSubmit={submit}>
      <SheetChips agent={agent} transcript={transcript} showTab={showTab} />
      {problem && !SHOWN_ELSEWHERE.has(problem.action) && (
        <div className="composer-problem">
          <ProblemNote problem={problem.problem}>
            <button className="btn quiet sm" type="button" onClick={actions.forget}>
              Dismiss
            </button>
          </ProblemNote>
        </div>
      )}
      <QueueList queue={queue} onLost={draft.giveBack} focusAfter={focusField} />
      {decision ? (
        <DecisionCard agent={agent} divergence={decision} actions={actions} />
      ) : (
        <div className="write">
          {agent.run !== null && (
            <textarea
              ref={ref}
              aria-label="Instruction"
              placeholder={words.placeholder}
              value={draft.text}
              onChange={(event) => draft.put(event.target.value)}
              onKeyDown={press}
            />
          )}
          <div className="tools">
            <span className="faint cut model" title={`Model: ${agent.model}`}>
              {agent.model}
            </span>
            <span className="grow" />
            <span className="said muted">{words.said}</span>
            <Acts actions={actions} possible={possible} canSend={canSend} interrupt={() => void send('interrupt')} />
          </div>
        </div>
      )}
      {!decision && possible.interrupt && (
        <p className="composer-hint faint" id="composer-hint">
          Queue waits for its next step. Interrupt now ends the step it is in.
          <span className="desk-inline">
            {' '}
            <kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>↵</kbd>
          </span>
        </p>
      )}
    </form>
  )
}

interface ActsProps {
  actions: AgentActions
  possible: Possible
  canSend: boolean
  interrupt(): void
}

function Acts({ actions, possible, canSend, interrupt }: ActsProps) {
  const { busy } = actions
  const isNew = possible.start && !possible.instruct
  return (
    <>
      {possible.cancel && (
        <button className="btn quiet" type="button" disabled={busy !== null} onClick={() => void actions.cancel()}>
          {busy === 'cancel' ? 'Cancelling' : 'Cancel run'}
        </button>
      )}
      {isNew && (
        <button className="btn primary" type="button" disabled={busy !== null} onClick={() => void actions.start()}>
          <LineIcon name="play" small />
          {busy === 'start' ? 'Starting' : 'Start'}
        </button>
      )}
      {possible.wake && (
        <button
          className="btn"
          type="button"
          disabled={busy !== null}
          title="Starts its container without giving it anything to do"
          onClick={() => void actions.start()}
        >
          {busy === 'start' ? 'Waking' : 'Wake'}
        </button>
      )}
      {possible.interrupt && (
        <button
          className="btn"
          type="button"
          disabled={!canSend}
          aria-describedby="composer-hint"
          aria-keyshortcuts="Control+Shift+Enter"
          onClick={interrupt}
        >
          Interrupt now
        </button>
      )}
      {!isNew && (
        <button
          className="btn primary"
          type="submit"
          disabled={!canSend}
          aria-describedby={possible.interrupt ? 'composer-hint' : undefined}
        >
          {possible.queue ? 'Queue' : 'Send'} <kbd className="desk">↵</kbd>
        </button>
      )}
    </>
  )
}
