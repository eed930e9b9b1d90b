'use client'

import Link from 'next/link'
import { memo } from 'react'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { Delta } from '../components/delta.tsx'
import { Glyph } from '../components/glyph.tsx'
import { Age, Clock } from '../components/moment.tsx'
import { NotIsolated } from '../components/not-isolated.tsx'
import { PullChip } from '../components/pull-chip.tsx'
import type { Activity } from '../model/agent-activity.ts'
import { faceOf } from '../model/agent-face.ts'
import type { GroupName } from '../model/agent-groups.ts'
import { formatCost } from '../model/format.ts'
import { firstPlainLine } from '../model/prose.ts'

export interface AgentRowProps {
  agent: AgentView
  activity: Activity | undefined
  group: GroupName
}

/** One agent of the list. The name is the link and covers the row; what else can be pressed lies above it. */
export const AgentRow = memo(function AgentRow({ agent, activity, group }: AgentRowProps) {
  const face = faceOf(agent)
  return (
    <li className={group === 'rest' ? 'row flat' : 'row'}>
      <Glyph state={face.glyph} />
      <div className="who">
        <div className="name">
          <Link className="cut" href={`/agents/${agent.id}`}>
            {agent.name}
          </Link>
          {agent.isolated === false && <NotIsolated />}
        </div>
        <div className="sub">
          <span className="fix cut">{agent.githubRepo}</span>
          <span className="mono cut">
            {agent.sourceBranch} → {agent.targetBranch}
          </span>
        </div>
      </div>
      <div className="now">
        <div className="cut">
          <span className={face.tone ? `state tone-${face.tone}` : `state s-${face.glyph}`}>{face.word}</span>
          <span className="muted">
            {face.tail}
            <Progress agent={agent} activity={activity} />
          </span>
        </div>
        {group !== 'rest' && <SecondLine agent={agent} activity={activity} />}
      </div>
      <div className="end">
        <span className="pull">
          {agent.pullRequest && <PullChip pullRequest={agent.pullRequest} />}
          {agent.needs === 'divergence' && (
            <Link className="btn sm act" href={`/agents/${agent.id}`} aria-label={`Decide how ${agent.name} goes on`}>
              Decide…
            </Link>
          )}
          {agent.status === 'FAILED' && (
            <Link className="btn sm act" href={`/agents/${agent.id}`} aria-label={`Look at ${agent.name} and retry`}>
              Retry…
            </Link>
          )}
        </span>
        <span className="delta">
          <Delta additions={agent.additions} deletions={agent.deletions} />
        </span>
        <span className="cost">{agent.costUsd > 0 ? formatCost(agent.costUsd) : ''}</span>
      </div>
      <Age at={agent.updatedAt} />
    </li>
  )
})

function Progress({ agent, activity }: { agent: AgentView; activity: Activity | undefined }) {
  if (agent.status !== 'RUNNING' || agent.run === null) return null
  const step = Math.max(agent.run.steps, activity?.step ?? 0)
  return (
    <>
      {step > 0 && `, step ${step} of ${agent.limits.maxSteps}`}
      {agent.run.startedAt && (
        <>
          {' · '}
          <Clock since={agent.run.startedAt} />
        </>
      )}
    </>
  )
}

/** What it does now, or the last words of what it did. One line, replaced in place. */
function SecondLine({ agent, activity }: { agent: AgentView; activity: Activity | undefined }) {
  const isLive = agent.status === 'RUNNING' || agent.status === 'STARTING'
  if (isLive && activity && activity.line !== '') {
    return <span className={activity.mono ? 'mono cut' : 'second cut'}>{activity.line}</span>
  }
  const words = lastWords(agent)
  return words === '' ? null : <span className="second cut">{words}</span>
}

function lastWords(agent: AgentView): string {
  if (agent.needs === 'divergence') return agent.divergence?.message ?? ''
  if (agent.status === 'STOPPING') return 'Removing its sandbox; files and history stay'
  if (agent.status === 'FAILED' || agent.status === 'STARTING') return agent.statusDetail?.message ?? ''
  if (agent.status === 'READY') return firstPlainLine(agent.run?.summary ?? '')
  return firstPlainLine(agent.run?.task ?? agent.task)
}
