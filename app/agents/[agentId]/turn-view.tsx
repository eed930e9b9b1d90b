'use client'

import { Fragment, memo, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Delta } from '../../components/delta.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { LogTime } from '../../components/moment.tsx'
import { Words } from '../../components/words.tsx'
import { type AgentField, limitThatEnded } from '../../model/agent-edit.ts'
import { formatCost, formatCount, formatDuration } from '../../model/format.ts'
import { firstPlainLine } from '../../model/prose.ts'
import { describeEnding } from '../../model/run-ending.ts'
import { endsInItsStart } from '../../model/start-stages.ts'
import type { Turn, TurnEnd } from '../../model/transcript-types.ts'
import { EntryView } from './entry-view.tsx'
import type { AgentActions } from './use-agent-actions.ts'
import type { ShowEditor } from './use-agent-editor.ts'

export interface TurnViewProps {
  turn: Turn
  agent: AgentView
  isLast: boolean
  actions: AgentActions
  canGoOn: boolean
  edit: ShowEditor
  onDelete(): void
}

/** An instruction and all that followed from it. Earlier ones fold to a line. */
export function TurnView({ turn, agent, isLast, actions, canGoOn, edit, onDelete }: TurnViewProps) {
  const [isOpen, setOpen] = useState<boolean | null>(null)
  const isFoldable = !isLast
  const showsAll = !isFoldable || isOpen === true
  const isStuck = isLast && turn.end === null
  const limit = turn.end && limitThatEnded(turn.end.reason)
  const end = turn.end && !endsInItsStart(turn) && (
    <>
      <TurnEndView end={turn.end} turn={turn} agent={agent} />
      {isLast && canGoOn && limit && <RaiseLimit limit={limit} edit={edit} />}
    </>
  )
  return (
    <>
      {isFoldable && <TurnLine turn={turn} agent={agent} isOpen={showsAll} onPress={() => setOpen(!showsAll)} />}
      {showsAll && (
        <>
          {turn.order && (
            <article className={isStuck ? 'entry order' : 'entry order loose'} aria-label="Instruction">
              <LogTime at={turn.order.at} />
              <Words text={turn.order.text} from={turn.order.from} />
            </article>
          )}
          {turn.entries.map((entry, index) => (
            <Fragment key={entry.key}>
              {turn.end?.position === index && end}
              <EntryView
                entry={entry}
                agent={agent}
                isCurrent={isLast && index === turn.entries.length - 1}
                actions={actions}
                edit={edit}
                onDelete={onDelete}
              />
            </Fragment>
          ))}
          {turn.end && turn.end.position >= turn.entries.length && end}
        </>
      )}
    </>
  )
}

/** The way on after a limit ended a run: the form opens at that limit. */
function RaiseLimit({ limit, edit }: { limit: AgentField; edit: ShowEditor }) {
  return (
    <div className="entry">
      <span />
      <div>
        <button className="btn" type="button" onClick={() => edit({ field: limit, goesOn: true })}>
          Raise the limit and go on…
        </button>
      </div>
    </div>
  )
}

interface TurnLineProps {
  turn: Turn
  agent: AgentView
  isOpen: boolean
  onPress(): void
}

function TurnLine({ turn, agent, isOpen, onPress }: TurnLineProps) {
  const words = firstPlainLine(turn.end?.summary ?? '') || firstPlainLine(turn.order?.text ?? '') || 'Earlier'
  const ending = turn.end && turn.end.reason !== 'completed' ? describeEnding(turn.end.reason, agent.limits) : null
  return (
    <article className="entry" aria-label="Earlier instruction">
      {turn.order ? <LogTime at={turn.order.at} /> : <span />}
      <div>
        <button className="turn" type="button" aria-expanded={isOpen} onClick={onPress}>
          <LineIcon name={isOpen ? 'down' : 'right'} small />
          <span className="cut grow">{words}</span>
          {turn.end && <span className="sum steps-n">{formatCount(turn.end.steps, 'step')}</span>}
          {turn.end && <span className="sum steps-n">{formatDuration(turn.end.durationMs)}</span>}
          {ending ? (
            <span className={`sum tone-${ending.tone}`}>{ending.word}</span>
          ) : (
            <span className="sum desk-inline">
              <Delta additions={turn.additions} deletions={turn.deletions} />
            </span>
          )}
          {turn.costUsd > 0 && <span className="sum">{formatCost(turn.costUsd)}</span>}
        </button>
      </div>
    </article>
  )
}

const TurnEndView = memo(function TurnEndView({ end, turn, agent }: { end: TurnEnd; turn: Turn; agent: AgentView }) {
  const ending = describeEnding(end.reason, agent.limits)
  const figures = [formatCount(end.steps, 'step'), formatDuration(end.durationMs)]
  if (turn.costUsd > 0) figures.push(formatCost(turn.costUsd))
  const message = end.reason === 'completed' ? '' : end.message
  return (
    <article className="entry" aria-label="End of the run">
      <LogTime at={end.at} />
      <div className="turn-end">
        <p>
          <b className={`tone-${ending.tone}`}>{ending.word}</b>
          <span className="muted">{ending.tail}</span>
          <span className="faint"> · {figures.join(' · ')}</span>
        </p>
        {message !== '' && <p className="muted">{message}</p>}
        {ending.advice !== '' && <p className="muted">{ending.advice}</p>}
      </div>
    </article>
  )
})
