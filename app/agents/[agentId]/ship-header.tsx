'use client'

import Link from 'next/link'
import { Fragment } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Glyph } from '../../components/glyph.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { Menu } from '../../components/menu.tsx'
import { Meter } from '../../components/meter.tsx'
import { Clock } from '../../components/moment.tsx'
import { NotIsolated } from '../../components/not-isolated.tsx'
import { PullChip } from '../../components/pull-chip.tsx'
import type { AgentFace } from '../../model/agent-face.ts'
import { formatCost, formatTokens } from '../../model/format.ts'
import type { Possible } from '../../model/live-agent.ts'
import { WAITS_FOR_MODEL, waitsForModel } from '../../model/model-wait.ts'
import type { Transcript } from '../../model/transcript-types.ts'
import type { AgentActions } from './use-agent-actions.ts'

export interface ShipHeaderProps {
  agent: AgentView
  face: AgentFace
  transcript: Transcript
  actions: AgentActions
  possible: Possible
  onDelete(): void
}

/** Who it is, how it stands, where it works; pull request, budget, Stop. */
export function ShipHeader({ agent, face, transcript, actions, possible, onDelete }: ShipHeaderProps) {
  const menu = (
    <Menu label="More for this agent" items={[{ label: 'Delete…', icon: 'trash', danger: true, act: onDelete }]} />
  )
  const state = <span className={face.tone ? `state tone-${face.tone}` : `state s-${face.glyph}`}>{face.word}</span>
  const stop = possible.stop && <StopButton actions={actions} />
  return (
    <header className="ship">
      <Link className="back phone" href="/agents" aria-label="All agents">
        <LineIcon name="left" />
      </Link>
      <div className="title">
        <h1>
          <Glyph state={face.glyph} large />
          <span className="cut">{agent.name}</span>
          {agent.isolated === false && <NotIsolated more=": runs on this machine" />}
          <span className="desk-inline">{state}</span>
          <span className="stage">
            <Stage agent={agent} face={face} transcript={transcript} />
          </span>
        </h1>
        <div className="where">
          <span>{agent.githubRepo}</span>
          <LineIcon name="branch" />
          <span className="mono">{agent.sourceBranch}</span>
          <LineIcon name="to" />
          <span className="mono cut">{agent.targetBranch}</span>
        </div>
      </div>
      <div className="ends desk">
        {agent.pullRequest && <PullChip pullRequest={agent.pullRequest} />}
        <Budget agent={agent} transcript={transcript} />
        {stop}
      </div>
      {menu}
      <div className="under phone">
        <Glyph state={face.glyph} />
        {state}
        <span className="muted stage-words">
          <Stage agent={agent} face={face} transcript={transcript} />
        </span>
        <span className="grow" />
        <RunCost agent={agent} transcript={transcript} />
        {stop}
      </div>
    </header>
  )
}

function StopButton({ actions }: { actions: AgentActions }) {
  return (
    <button
      className="btn"
      type="button"
      disabled={actions.busy !== null}
      title="Ends what it does and removes its sandbox; files and history stay. Ctrl+."
      onClick={() => void actions.stop()}
    >
      <LineIcon name="stop" small />
      {actions.busy === 'stop' ? 'Stopping' : 'Stop'}
    </button>
  )
}

function Stage({ agent, face, transcript }: { agent: AgentView; face: AgentFace; transcript: Transcript }) {
  const turn = transcript.turns.at(-1)
  if (agent.status !== 'RUNNING') return face.tail.replace(/^[:,]?\s*/, '')
  if (!turn || turn.end) return null
  const parts = [
    waitsForModel(turn) && WAITS_FOR_MODEL,
    turn.step > 0 && `step ${turn.step} of ${turn.maxSteps ?? agent.limits.maxSteps}`,
    turn.startedAt && <Clock since={turn.startedAt} />,
  ].filter(Boolean)
  return parts.map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a part has no other name than its place
    <Fragment key={index}>
      {index > 0 && ' · '}
      {part}
    </Fragment>
  ))
}

/** The log knows of each model call first; the agent's own figure holds where the log is still being read. */
export function costOfRun(agent: AgentView, transcript: Transcript): number {
  return Math.max(transcript.turns.at(-1)?.costUsd ?? 0, agent.run?.costUsd ?? 0)
}

function RunCost({ agent, transcript }: { agent: AgentView; transcript: Transcript }) {
  const limit = agent.limits.maxCostUsd
  return (
    <span className="run-cost">
      {formatCost(costOfRun(agent, transcript))}
      {limit !== null && <span className="faint"> of {formatCost(limit)}</span>}
    </span>
  )
}

function Budget({ agent, transcript }: { agent: AgentView; transcript: Transcript }) {
  const limit = agent.limits.maxCostUsd
  const turn = transcript.turns.at(-1)
  const title = [
    `Steps ${turn?.step ?? 0} of ${agent.limits.maxSteps}`,
    turn ? `tokens ${formatTokens(turn.tokensUsed)}` : null,
    `all runs ${formatCost(agent.costUsd)}`,
  ]
  if (limit === null) return <RunCost agent={agent} transcript={transcript} />
  const spent = costOfRun(agent, transcript)
  return (
    <div className="budget" title={title.filter(Boolean).join(', ')}>
      <div className="line">
        <span>{formatCost(spent)}</span>
        <span className="faint">of {formatCost(limit)}</span>
      </div>
      <Meter label="Cost of this run" spent={spent} limit={limit} />
    </div>
  )
}
