'use client'

import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { LogTime } from '../../components/moment.tsx'
import type { Possible } from '../../model/live-agent.ts'
import type { NoteEntry, Transcript } from '../../model/transcript-types.ts'
import type { AgentActions } from './use-agent-actions.ts'

export interface PullPaneProps {
  agent: AgentView
  transcript: Transcript
  actions: AgentActions
  possible: Possible
}

export function PullPane({ agent, transcript, actions, possible }: PullPaneProps) {
  const { pullRequest } = agent
  return (
    <>
      <section className="sect">
        <header>
          <h2>{pullRequest ? `Pull request #${pullRequest.number}` : 'No pull request yet'}</h2>
          <span className="grow" />
          {pullRequest && (
            <a className="btn sm" href={pullRequest.url} target="_blank" rel="noreferrer">
              Open it
              <LineIcon name="out" small />
            </a>
          )}
        </header>
        {pullRequest && <p className="pull-title">{pullRequest.title}</p>}
        <p className="muted">
          <span className="mono code-12">{agent.targetBranch}</span> into{' '}
          <span className="mono code-12">{agent.sourceBranch}</span> of {agent.githubRepo}
        </p>
        <p className="muted pull-when">
          {agent.autoPullRequest
            ? 'Opened or updated by itself when a run ends with changes.'
            : 'Opened only when you ask for it.'}
        </p>
        <button
          className="btn"
          type="button"
          disabled={!possible.pullRequest || actions.busy !== null}
          onClick={() => void actions.openPullRequest()}
        >
          <LineIcon name="pr" small />
          {labelOf(agent, actions)}
        </button>
        {!possible.pullRequest && <p className="hint">{whyNot(agent)}</p>}
      </section>
      <History transcript={transcript} />
    </>
  )
}

function labelOf(agent: AgentView, actions: AgentActions): string {
  if (actions.busy === 'pull-request') return 'Committing and pushing'
  return agent.pullRequest ? 'Update it now' : 'Open a pull request now'
}

function whyNot(agent: AgentView): string {
  if (agent.run === null) return 'There is nothing to push before its first run.'
  if (agent.status === 'FAILED') return 'It has no sandbox to push from. Retry its start first.'
  return 'It can be asked for when the run has ended.'
}

/** What was pushed and opened, and why not, newest first. */
function History({ transcript }: { transcript: Transcript }) {
  const kinds = new Set(['commit', 'push', 'pull_request'])
  const entries = transcript.turns
    .flatMap((turn) => turn.entries)
    .filter((entry): entry is NoteEntry => kinds.has(entry.kind))
    .reverse()
  if (entries.length === 0) return null
  return (
    <section className="sect">
      <header>
        <h2>What happened</h2>
      </header>
      <ul className="history">
        {entries.map((entry) => (
          <li key={entry.key}>
            <LogTime at={entry.at} />
            <span>{describe(entry)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function describePush(outcome: string, reason: string): string {
  if (outcome === 'ok') return 'Pushed'
  return outcome === 'unknown' ? `Push not confirmed: ${reason}` : `Push refused: ${reason}`
}

function describe(entry: NoteEntry): string {
  const text = (name: string) => (typeof entry.data[name] === 'string' ? entry.data[name] : '')
  if (entry.kind === 'commit') return `Committed: ${text('subject')}`
  if (entry.kind === 'push') return describePush(text('outcome'), text('reason'))
  if (text('action') === 'skipped') return `No pull request: ${text('reason')}`
  return text('action') === 'opened' ? 'Opened the pull request' : 'Updated the pull request'
}
