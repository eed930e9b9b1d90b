'use client'

import { Fragment, useId } from 'react'
import type { Divergence } from '../../../lib/domain/agent.ts'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Glyph } from '../../components/glyph.tsx'
import { describeDecision } from '../../model/decision.ts'
import type { AgentActions } from './use-agent-actions.ts'

export interface DecisionCardProps {
  agent: AgentView
  divergence: Divergence
  actions: AgentActions
}

/** In the place of the composer: what is not as the agent left it, and what can be done about it. */
export function DecisionCard({ agent, divergence, actions }: DecisionCardProps) {
  const id = useId()
  const decision = describeDecision(divergence, agent)
  return (
    <section className="ask" aria-labelledby={id}>
      <header>
        <Glyph state="waiting" />
        <h2 id={id}>{decision.title}</h2>
      </header>
      <div className="ask-body">
        <p className="muted">{decision.what}</p>
        {decision.commits.length > 0 && (
          <dl className="kv">
            {decision.commits.map(({ name, commit }) => (
              <Fragment key={name}>
                <dt>{name}</dt>
                <dd className="mono">{commit}</dd>
              </Fragment>
            ))}
          </dl>
        )}
      </div>
      <ul className="choices">
        {decision.choices.map(({ choice, label, effect }, index) => (
          <li key={choice}>
            <button
              className={index === 0 ? 'btn primary' : 'btn'}
              type="button"
              aria-describedby={`${id}-${choice}`}
              disabled={actions.busy !== null}
              onClick={() => void actions.decide(choice)}
            >
              {label}
            </button>
            <span className="muted" id={`${id}-${choice}`}>
              {effect}
            </span>
          </li>
        ))}
        <li>
          <button
            className="btn quiet"
            type="button"
            aria-describedby={`${id}-cancel`}
            disabled={actions.busy !== null}
            onClick={() => void actions.cancel()}
          >
            {actions.busy === 'cancel' ? 'Cancelling' : 'Cancel run'}
          </button>
          <span className="muted" id={`${id}-cancel`}>
            Nothing is done. The next instruction asks again.
          </span>
        </li>
      </ul>
    </section>
  )
}
