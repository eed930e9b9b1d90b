'use client'

import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import type { LiveAgent } from '../../client/use-agent.ts'
import { useHotkeys } from '../../client/use-hotkeys.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { LoadingRows } from '../../components/loading-rows.tsx'
import { PlainWords } from '../../components/prose.tsx'
import { FailureBox } from './start-entry.tsx'
import { TurnView } from './turn-view.tsx'
import type { AgentActions } from './use-agent-actions.ts'
import type { ShowEditor } from './use-agent-editor.ts'

/** Nearer to the end than this counts as being there. */
const END_PX = 80

export interface ConversationProps {
  live: LiveAgent
  agent: AgentView
  actions: AgentActions
  /** Whether an instruction would begin a run now. */
  canGoOn: boolean
  edit: ShowEditor
  onDelete(): void
}

export function Conversation({ live, agent, actions, canGoOn, edit, onDelete }: ConversationProps) {
  const { transcript, isCaughtUp } = live
  const { ref, isAtEnd, goToEnd } = useFollow(transcript, isCaughtUp)
  useHotkeys({ end: goToEnd })
  const { turns } = transcript
  const failedHere =
    turns.at(-1)?.entries.some((entry) => entry.kind === 'start' && entry.outcome === 'failed') ?? false
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
      <div className="log" ref={ref} role="log" aria-label="Conversation" aria-live="off" tabIndex={0}>
        {!isCaughtUp && turns.length === 0 && <LoadingRows rows={4} what="the conversation" />}
        {turns.length === 0 && isCaughtUp && <Unstarted agent={agent} />}
        {turns.map((turn, index) => (
          <TurnView
            key={turn.key}
            turn={turn}
            agent={agent}
            isLast={index === turns.length - 1}
            actions={actions}
            canGoOn={canGoOn}
            edit={edit}
            onDelete={onDelete}
          />
        ))}
        {agent.status === 'FAILED' && isCaughtUp && !failedHere && (
          <div className="entry">
            <span />
            <div>
              <FailureBox agent={agent} failure={null} actions={actions} edit={edit} onDelete={onDelete} isCurrent />
            </div>
          </div>
        )}
      </div>
      {!isAtEnd && (
        <button className="btn sm jump" type="button" onClick={goToEnd}>
          <LineIcon name="arrowdown" small />
          Newest
        </button>
      )}
    </>
  )
}

function Unstarted({ agent }: { agent: AgentView }) {
  return (
    <article className="entry order" aria-label="Task">
      <span />
      <div className="body">
        <PlainWords text={agent.task} />
      </div>
    </article>
  )
}

/** The view follows the end only when it was there; what is being read never moves. */
function useFollow(transcript: unknown, isCaughtUp: boolean) {
  const ref = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const [isAtEnd, setAtEnd] = useState(true)
  useEffect(() => {
    const log = ref.current
    if (!log) return
    const look = () => {
      follows.current = log.scrollHeight - log.scrollTop - log.clientHeight < END_PX
      setAtEnd(follows.current)
    }
    // A composer that grows takes room from the log: its end stays in view.
    const resized = new ResizeObserver(() => {
      if (follows.current) log.scrollTop = log.scrollHeight
    })
    resized.observe(log)
    log.addEventListener('scroll', look, { passive: true })
    return () => {
      resized.disconnect()
      log.removeEventListener('scroll', look)
    }
  }, [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is drawn decides where the end is
  useLayoutEffect(() => {
    const log = ref.current
    if (log && follows.current) log.scrollTop = log.scrollHeight
  }, [transcript, isCaughtUp])
  const goToEnd = () => ref.current?.scrollTo({ top: ref.current.scrollHeight })
  return { ref, isAtEnd, goToEnd }
}
