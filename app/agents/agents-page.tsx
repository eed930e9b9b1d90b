'use client'

import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { useAgents } from '../client/use-agents.ts'
import { useHealth } from '../client/use-health.ts'
import { useHotkeys } from '../client/use-hotkeys.ts'
import { Bar } from '../components/bar.tsx'
import { LineIcon } from '../components/line-icon.tsx'
import { LoadingRows } from '../components/loading-rows.tsx'
import { NotIsolatedNote } from '../components/not-isolated.tsx'
import { ProblemNote } from '../components/problem-note.tsx'
import { Sentence } from '../components/prose.tsx'
import { StraysNote } from '../components/strays-note.tsx'
import { type AgentGroup, filterAgents, GROUP_TITLES, type GroupName, groupAgents } from '../model/agent-groups.ts'
import { AgentRow } from './agent-row.tsx'
import { AgentsEmpty } from './agents-empty.tsx'

export function AgentsPage() {
  const { agents, problem, activities, connection, refresh } = useAgents()
  const health = useHealth()
  const [query, setQuery] = useState('')
  const [only, setOnly] = useState<GroupName | null>(null)
  const wanted = useDeferredValue(query)
  const groups = useMemo(() => groupAgents(filterAgents(agents ?? [], wanted)), [agents, wanted])
  const needs = useMemo(
    () => groupAgents(agents ?? []).find(({ name }) => name === 'needs')?.agents.length ?? 0,
    [agents],
  )
  useEffect(() => {
    document.title = needs > 0 ? `(${needs}) Agents · Berth` : 'Agents · Berth'
  }, [needs])
  const isEmpty = agents !== null && agents.length === 0
  return (
    <>
      <Bar here="agents" needs={agents ? needs : null} connection={connection} />
      {isEmpty ? (
        <AgentsEmpty health={health} />
      ) : (
        <main id="main" className="page">
          <ListHead groups={groups} only={only} setOnly={setOnly} query={query} setQuery={setQuery} />
          {problem && (
            <ProblemNote problem={problem}>
              <button className="btn sm" type="button" onClick={refresh}>
                Try again
              </button>
            </ProblemNote>
          )}
          {health && !health.isolated && <NotIsolatedNote title="Agents here are not isolated." />}
          {health && !health.engine.reachable && (
            <div className="note warn">
              <LineIcon name="warn" />
              <p>
                <b className="med">
                  {health.driver === 'docker' ? 'The Docker engine does not answer.' : 'No sandbox can be had.'}
                </b>{' '}
                <span className="muted">
                  <Sentence text={health.engine.description} /> No agent can start until it does.
                </span>
              </p>
            </div>
          )}
          {agents && <StraysNote health={health} agents={agents} />}
          {agents === null && !problem && <LoadingRows rows={6} what="agents" />}
          {groups
            .filter((group) => group.agents.length > 0 && (only === null || only === group.name))
            .map((group) => (
              <section key={group.name} aria-labelledby={`group-${group.name}`}>
                <div className="group">
                  <h2 id={`group-${group.name}`}>{GROUP_TITLES[group.name]}</h2>
                  <span className="count">{group.agents.length}</span>
                </div>
                <ul>
                  {group.agents.map((agent) => (
                    <AgentRow key={agent.id} agent={agent} activity={activities[agent.id]} group={group.name} />
                  ))}
                </ul>
              </section>
            ))}
          {agents !== null && <NothingFound groups={groups} only={only} query={wanted} />}
        </main>
      )}
    </>
  )
}

interface ListHeadProps {
  groups: AgentGroup[]
  only: GroupName | null
  setOnly(only: GroupName | null): void
  query: string
  setQuery(query: string): void
}

function ListHead({ groups, only, setOnly, query, setQuery }: ListHeadProps) {
  const field = useRef<HTMLInputElement>(null)
  useHotkeys({ '/': () => field.current?.focus() })
  const all = groups.reduce((count, group) => count + group.agents.length, 0)
  const choices = [
    { name: null, title: 'All', count: all },
    ...groups.map((group) => ({ name: group.name, title: GROUP_TITLES[group.name], count: group.agents.length })),
  ]
  return (
    <div className="head">
      <h1>Agents</h1>
      <fieldset className="seg" aria-label="Filter by state">
        {choices.map((choice) => (
          <button
            key={choice.title}
            type="button"
            aria-pressed={only === choice.name}
            onClick={() => setOnly(choice.name)}
          >
            {choice.title} <span className="count">{choice.count}</span>
          </button>
        ))}
      </fieldset>
      <span className="grow desk" />
      <label className="filter field">
        <span className="sr">Filter agents</span>
        <LineIcon name="search" small />
        <input
          ref={field}
          type="search"
          placeholder="Name, repository, branch"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return
            setQuery('')
            event.currentTarget.blur()
          }}
        />
        <kbd className="desk">/</kbd>
      </label>
    </div>
  )
}

function NothingFound({ groups, only, query }: { groups: AgentGroup[]; only: GroupName | null; query: string }) {
  const shown = groups.filter((group) => only === null || group.name === only).some((group) => group.agents.length > 0)
  if (shown) return null
  const where = only === null ? '' : ` under ${GROUP_TITLES[only]}`
  return (
    <p className="nothing muted" role="status">
      {query.trim() === ''
        ? `No agent${where}.`
        : `No agent${where} has “${query.trim()}” in its name, repository or branches.`}
    </p>
  )
}
