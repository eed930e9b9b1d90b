'use client'

import { type ReactNode, useSyncExternalStore } from 'react'
import type { DefaultLimits, Models } from '../../client/use-models.ts'
import { CopyButton } from '../../components/copy-line.tsx'
import { buildCreateBody, buildCurl, type NewAgentForm, readList } from '../../model/new-agent-form.ts'

interface NewAgentAsideProps {
  form: NewAgentForm
  models: Models
  isolated: boolean
}

/** What will happen and the same as a line for a terminal, both following the form. */
export function NewAgentAside({ form, models, isolated }: NewAgentAsideProps) {
  const origin = useSyncExternalStore(
    () => () => undefined,
    () => location.origin,
    () => '',
  )
  const curl = buildCurl(buildCreateBody(form), origin)
  const source = form.sourceBranch.trim()
  const priced = models.models?.find((model) => model.id === form.model.trim())
  const isUnpriced = priced !== undefined && priced.inputPriceUsdPerMTok === null
  return (
    <aside className="aside" aria-labelledby="what">
      <h2 id="what">What happens</h2>
      <ol className="plan-lines">
        <PlanLine number={1}>
          {isolated ? 'A container starts' : 'A folder on this machine is made'} with a clone of{' '}
          <b>{form.githubRepo.trim() || 'the repository'}</b> at <b>{source || 'its default branch'}</b>.
        </PlanLine>
        <PlanLine number={2}>
          {describeLimits(form, models.defaultLimits)}, then it stops and says so.
          {isUnpriced && ' This model has no known price: its cost is not counted.'}
        </PlanLine>
        <PlanLine number={3}>
          {isolated
            ? describeReach(form)
            : 'It runs on this machine and reaches what this machine can; its proxy alone keeps to the policy.'}
        </PlanLine>
        <PlanLine number={4}>{describeOutcome(form)}</PlanLine>
      </ol>
      <div className="aside-head">
        <h2>The same from a terminal</h2>
        <span className="grow" />
        <CopyButton text={curl} what="the command" />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
      <pre className="curl" tabIndex={0}>
        {colourJson(curl)}
      </pre>
    </aside>
  )
}

function PlanLine({ number, children }: { number: number; children: ReactNode }) {
  return (
    <li className="plan-line">
      <span>{number}</span>
      <span>{children}</span>
    </li>
  )
}

function describeLimits(form: NewAgentForm, defaults: DefaultLimits | null): ReactNode {
  const steps = form.maxSteps.trim() || defaults?.maxSteps
  const costUsd = form.maxCostUsd.trim() || defaults?.maxCostUsd?.toFixed(2)
  return (
    <>
      The agent works until it is done, for at most {steps ? <b>{steps} steps</b> : 'the usual steps'}
      {costUsd && (
        <>
          {' '}
          and <b>${costUsd}</b>
        </>
      )}
    </>
  )
}

function describeReach(form: NewAgentForm): ReactNode {
  if (form.egressMode === 'none') {
    return (
      <>
        It reaches the model and its repository. <b>Nothing else.</b>
      </>
    )
  }
  if (form.egressMode === 'open') {
    return (
      <>
        It reaches the model, its repository and <b>any public host</b>; no private address.
      </>
    )
  }
  const more = readList(form.egressAllow)
  return (
    <>
      It reaches the model, its repository and <b>the package registries</b>
      {more.length > 0 && (
        <>
          , and <b>{more.join(', ')}</b>
        </>
      )}
      . Nothing else.
    </>
  )
}

function describeOutcome(form: NewAgentForm): ReactNode {
  const into = form.sourceBranch.trim() || 'the source branch'
  if (!form.autoPullRequest) {
    return (
      <>
        Changes stay in the sandbox until you ask for a pull request into <b>{into}</b>. It can push nowhere but to the
        target branch.
      </>
    )
  }
  return (
    <>
      Changes go to the target branch as a <b>pull request into {into}</b>. It can push nowhere else.
    </>
  )
}

/** Names and texts of the JSON in two hues, as in code. */
function colourJson(curl: string): ReactNode[] {
  return curl.split(/("(?:[^"\\]|\\.)*"(?::)?)/).map((part, index) => {
    if (!part.startsWith('"') || part.startsWith('"Authorization')) return part
    const isName = part.endsWith(':')
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text have no other name
      <span key={index} className={isName ? 'k' : 'st'}>
        {part}
      </span>
    )
  })
}
