'use client'

import type { ReactNode } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { useNow } from '../../client/use-now.ts'
import { CopyLine } from '../../components/copy-line.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { Meter } from '../../components/meter.tsx'
import { LogTime } from '../../components/moment.tsx'
import { formatBytes, formatClock, formatCost, formatCount, formatLimit, formatTokens } from '../../model/format.ts'
import type { Refusal, Transcript } from '../../model/transcript-types.ts'
import { costOfRun } from './ship-header.tsx'
import type { ShowEditor } from './use-agent-editor.ts'

const MODES: Record<AgentView['egress']['mode'], string> = {
  none: 'nothing but the model and its repository',
  allowlist: 'the package registries and listed hosts',
  open: 'any public host',
}

export interface DetailsPaneProps {
  agent: AgentView
  transcript: Transcript
  edit: ShowEditor
}

export function DetailsPane({ agent, transcript, edit }: DetailsPaneProps) {
  return (
    <>
      <div className="pane-bar">
        <span className="muted cut">Most of this can be changed.</span>
        <span className="grow" />
        <button className="btn sm" type="button" data-edit-agent onClick={() => edit()}>
          <LineIcon name="edit" small />
          Edit
        </button>
      </div>
      {transcript.refusals.length > 0 && <Refusals refusals={transcript.refusals} />}
      <Run agent={agent} transcript={transcript} />
      <section className="sect" aria-label="Sandbox">
        <header>
          <h2>Sandbox</h2>
        </header>
        <dl className="kv">
          <Pair name="Runs in">{describeIsolation(agent)}</Pair>
          <Pair name="Memory">
            {agent.isolated === false ? 'Not limited' : `${formatBytes(agent.limits.memoryBytes)}, no swap`}
          </Pair>
          <Pair name="Disk">{agent.limits.diskBytes === null ? 'no limit' : formatBytes(agent.limits.diskBytes)}</Pair>
          <Pair name="Processor">
            {agent.isolated === false ? 'Not limited' : formatCount(agent.limits.nanoCpus / 1e9, 'core')}
          </Pair>
          <Pair name={agent.isolated === false ? 'Reaches by its proxy' : 'Reaches'}>{MODES[agent.egress.mode]}</Pair>
        </dl>
        {agent.egress.allow.length > 0 && (
          <ul className="hosts" aria-label="Hosts allowed for this agent">
            {agent.egress.allow.map((host) => (
              <li key={host}>{host}</li>
            ))}
          </ul>
        )}
        {agent.isolated === true && <CopyLine text={`docker logs -f agent-${agent.id}`} what="the command" />}
      </section>
      <section className="sect last" aria-label="Work">
        <header>
          <h2>Work</h2>
        </header>
        <dl className="kv">
          <Pair name="Model">{agent.model}</Pair>
          <Pair name="Repository">{agent.githubRepo}</Pair>
          <Pair name="Source branch">
            <span className="mono">{agent.sourceBranch}</span>
          </Pair>
          <Pair name="Target branch">
            <span className="mono">{agent.targetBranch}</span>
          </Pair>
          <Pair name="Pull request">
            {agent.autoPullRequest ? 'Opened when a run ends with changes' : 'Opened when you ask for it'}
          </Pair>
          <Pair name="All runs">{formatCost(agent.costUsd)}</Pair>
        </dl>
        <Given name="Instructions" text={agent.instructions} />
        <Given name="Setup script" text={agent.setupScript} isCode />
      </section>
    </>
  )
}

function describeIsolation(agent: AgentView): string {
  if (agent.isolated === null) return 'No sandbox yet'
  if (!agent.isolated) return 'Processes of the machine that Berth runs on, not isolated'
  if (agent.status === 'SLEEPING') return 'A container without network, stopped while it sleeps'
  return agent.status === 'IDLE' ? 'A container without network; none at the moment' : 'A container without network'
}

/** A text that a person gave it; nothing where there is none. */
function Given({ name, text, isCode = false }: { name: string; text: string | null; isCode?: boolean }) {
  if (text === null || text.trim() === '') return null
  return (
    <div className="given">
      <h3 className="muted">{name}</h3>
      <p className={isCode ? 'mono code-12' : undefined}>{text}</p>
    </div>
  )
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

function Run({ agent, transcript }: { agent: AgentView; transcript: Transcript }) {
  const now = useNow()
  const turn = transcript.turns.at(-1)
  const { limits } = agent
  const steps = turn?.end?.steps ?? turn?.step ?? 0
  const tokens = turn?.end ? turn.end.inputTokens + turn.end.outputTokens : (turn?.tokensUsed ?? 0)
  const elapsed = turn?.end?.durationMs ?? (turn?.startedAt && now ? now - Date.parse(turn.startedAt) : 0)
  return (
    <section className="sect" aria-label="This run">
      <header>
        <h2>{turn?.end ? 'Last run' : 'This run'}</h2>
      </header>
      <div className="gauges">
        <Gauge name="Cost" spent={costOfRun(agent, transcript)} limit={limits.maxCostUsd} format={formatCost} />
        <Gauge name="Steps" spent={steps} limit={limits.maxSteps} format={String} />
        <Gauge name="Tokens" spent={tokens} limit={limits.maxTokens} format={formatTokens} />
        <Gauge name="Time" spent={elapsed} limit={limits.maxDurationMs} format={formatClock} formatMax={formatLimit} />
      </div>
    </section>
  )
}

interface GaugeProps {
  name: string
  spent: number
  limit: number | null
  format(value: number): string
  formatMax?(value: number): string
}

function Gauge({ name, spent, limit, format, formatMax = format }: GaugeProps) {
  return (
    <div>
      <div className="line">
        <span className="muted">{name}</span>
        <span>
          {format(spent)} <span className="faint">{limit === null ? 'no limit' : `of ${formatMax(limit)}`}</span>
        </span>
      </div>
      {limit !== null && <Meter label={name} spent={spent} limit={limit} />}
    </div>
  )
}

function Refusals({ refusals }: { refusals: Refusal[] }) {
  return (
    <section className="sect" aria-label="Refused connections">
      <header>
        <h2>Refused connections</h2>
        <span className="count">{refusals.length}</span>
      </header>
      <ul className="refused">
        {refusals.map((refusal) => (
          <li key={`${refusal.host}:${refusal.port}`}>
            <LineIcon name="shield" />
            <span className="mono cut">
              {refusal.host}:{refusal.port}
            </span>
            <p>
              {formatCount(refusal.count, 'time')}, last <LogTime at={refusal.lastAt} />. {refusal.reason}{' '}
              {refusal.cure}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}
