'use client'

import { useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { CopyButton } from '../../components/copy-line.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { Clock } from '../../components/moment.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { Sentence } from '../../components/prose.tsx'
import { TermOutput } from '../../components/term-output.tsx'
import { formatCount, formatDuration } from '../../model/format.ts'
import { hasOpenRun } from '../../model/live-agent.ts'
import { describeFailure, type StageLine, stageLines } from '../../model/start-stages.ts'
import type { StartEntry } from '../../model/transcript-types.ts'
import type { AgentActions } from './use-agent-actions.ts'
import type { ShowEditor } from './use-agent-editor.ts'

export interface StartViewProps {
  entry: StartEntry
  agent: AgentView
  isCurrent: boolean
  actions: AgentActions
  edit: ShowEditor
  onDelete(): void
}

/** A start: its stages while it goes, a line when it went well, the cause and the repair when it did not. */
export function StartView({ entry, ...props }: StartViewProps) {
  const [isOpen, setOpen] = useState(false)
  const hasSetup = props.agent.setupScript !== null
  if (entry.outcome === 'ok') {
    return (
      <div className="tool plain">
        <button className="one" type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <LineIcon name={isOpen ? 'down' : 'right'} />
          <span className="verb">Started</span>
          <span className="what cut">its sandbox</span>
          <span className="grow" />
          <span className="took">{describeWhole(entry)}</span>
        </button>
        {isOpen && <Stages lines={stageLines(entry, hasSetup)} />}
        {isOpen && <SetupOutput entry={entry} />}
      </div>
    )
  }
  return (
    <div className="start">
      <Stages lines={stageLines(entry, hasSetup)} />
      {entry.outcome === 'going' && entry.message !== '' && <p className="start-line mono cut">{entry.message}</p>}
      {entry.outcome === 'going' && <SetupOutput entry={entry} />}
      {entry.outcome === 'failed' && <FailureBox {...props} failure={entry.failure} />}
    </div>
  )
}

/** What the setup script says, for those who watch; the log does not keep it. */
function SetupOutput({ entry }: { entry: StartEntry }) {
  if (entry.output === null) return null
  const isLive = entry.outcome === 'going' && entry.stages.at(-1)?.stage === 'setup'
  return (
    <div className="tool log-tail">
      <header>
        <LineIcon name="term" />
        <span className="verb">Setup script</span>
        <span className="grow" />
        {isLive && <span className="exit live">live</span>}
      </header>
      <TermOutput text={entry.output.text.text} isLive={isLive} isCut={entry.output.text.start > 0} />
    </div>
  )
}

function describeWhole(entry: StartEntry): string {
  const end = entry.stages.at(-1)?.endedAt
  return end ? formatDuration(Date.parse(end) - Date.parse(entry.at)) : ''
}

function Stages({ lines }: { lines: StageLine[] }) {
  return (
    <ol className="stages" aria-label="Stages of the start">
      {lines.map((line) => (
        <li key={line.stage} className={line.look}>
          <b>{line.title}</b>
          {line.look === 'now' && line.since !== null ? (
            <span>
              {line.words} <Clock since={line.since} />
            </span>
          ) : (
            line.words
          )}
        </li>
      ))}
    </ol>
  )
}

export interface FailureBoxProps {
  agent: AgentView
  /** Null where the log holds none: then the agent itself says why. */
  failure: StartEntry['failure']
  isCurrent: boolean
  actions: AgentActions
  edit: ShowEditor
  onDelete(): void
}

export function FailureBox({ agent, failure, isCurrent, actions, edit, onDelete }: FailureBoxProps) {
  const detail = agent.statusDetail
  const code = failure?.code || detail?.code || ''
  const stage = failure?.stage ?? detail?.stage ?? null
  const message = failure?.message || detail?.message || ''
  const logTail = failure?.logTail ?? detail?.logTail ?? []
  const canRetry = isCurrent && agent.status === 'FAILED'
  return (
    <>
      <section className="failure" aria-label="The start failed">
        <h2>{describeFailure(code, stage)}</h2>
        {message !== '' && (
          <p className="muted">
            <Sentence text={message} />
          </p>
        )}
        {canRetry && detail?.hint && (
          <p className="muted">
            <Sentence text={detail.hint} />
          </p>
        )}
        {canRetry && hasOpenRun(agent) && (
          <p className="muted">The run waits, and begins by itself when the engine answers.</p>
        )}
        {canRetry && actions.problem?.action === 'start' && <ProblemNote problem={actions.problem.problem} />}
        {canRetry && (
          <div className="failure-acts">
            <button
              className="btn primary"
              type="button"
              disabled={actions.busy !== null}
              onClick={() => void actions.start()}
            >
              <LineIcon name="retry" small />
              {actions.busy === 'start' ? 'Starting' : 'Retry'}
            </button>
            {stage === 'setup' && (
              <button className="btn" type="button" onClick={() => edit({ field: 'setupScript' })}>
                Change the script…
              </button>
            )}
            <button className="btn quiet" type="button" onClick={onDelete}>
              Delete agent…
            </button>
          </div>
        )}
      </section>
      {logTail.length > 0 && (
        <div className="tool log-tail">
          <header>
            <LineIcon name="term" />
            <span className="verb">Log</span>
            <span className="what cut">the last {formatCount(logTail.length, 'line')}</span>
            <span className="grow" />
            <CopyButton text={logTail.join('\n')} what="the log" />
          </header>
          <TermOutput text={logTail.join('\n')} />
        </div>
      )}
    </>
  )
}
