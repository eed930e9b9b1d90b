'use client'

import Link from 'next/link'
import type { ReactNode } from 'react'
import type { Health } from '../client/use-health.ts'
import { CopyLine } from '../components/copy-line.tsx'
import { Glyph } from '../components/glyph.tsx'
import { LineIcon } from '../components/line-icon.tsx'
import { NotIsolatedNote } from '../components/not-isolated.tsx'
import { Sentence } from '../components/prose.tsx'
import { StraysNote } from '../components/strays-note.tsx'
import type { GlyphName } from '../model/agent-face.ts'

/** No agent yet: what will be here, what is not configured and the line that would configure it, the one next action. */
export function AgentsEmpty({ health }: { health: Health | null }) {
  return (
    <main id="main" className="quiet-page">
      <div>
        <h1>Give an agent a repository and a task. It comes back with a pull request.</h1>
        <p className="lead">
          {health?.isolated === false
            ? 'Each agent works in a folder of its own, with a clone of the repository. '
            : 'Each agent works in a container of its own, with a clone of the repository and no network but what you allow. '}
          It stays: come back with another instruction and the same files carry on.
        </p>
        {health?.isolated === false && <NotIsolatedNote title="Agents here are not isolated." />}
        <StraysNote health={health} agents={[]} />
        <ol className="steps">
          <EngineStep health={health} />
          <ModelStep health={health} />
          <GithubStep health={health} />
          <Step
            number={4}
            isDone={false}
            title="Create the first agent"
            act={<NewAgent isNext={isConfigured(health)} />}
          >
            Small and checkable is best: one bug, one test that shows it.
          </Step>
        </ol>
      </div>
      <Demo />
      <Flags />
    </main>
  )
}

function isConfigured(health: Health | null): boolean {
  return health?.engine.reachable === true && health.modelKey
}

function NewAgent({ isNext }: { isNext: boolean }) {
  return (
    <Link className={isNext ? 'btn primary' : 'btn'} href="/agents/new">
      New agent
    </Link>
  )
}

function EngineStep({ health }: { health: Health | null }) {
  if (health === null) return <Step number={1} isDone={false} title="Sandboxes" />
  if (health.engine.reachable) {
    return (
      <Step number={1} isDone title="Sandboxes work">
        {health.engine.description}
      </Step>
    )
  }
  return (
    <Step
      number={1}
      isDone={false}
      title={health.driver === 'docker' ? 'Start a Docker engine' : 'Make room for sandboxes'}
    >
      <Sentence text={health.engine.description} /> Berth looks again by itself.
    </Step>
  )
}

function ModelStep({ health }: { health: Health | null }) {
  const isDone = health?.modelKey ?? false
  return (
    <Step
      number={2}
      isDone={isDone}
      title={isDone ? 'A model is connected' : 'Connect a model'}
      more={isDone ? null : <CopyLine text="OPENROUTER_API_KEY=" what="the line for .env" />}
    >
      {isDone
        ? describeKey(health)
        : 'OpenRouter, or Ollama and LM Studio on this machine. Put the line in .env and start again; the key never enters a sandbox.'}
    </Step>
  )
}

function GithubStep({ health }: { health: Health | null }) {
  const isDone = health?.githubToken ?? false
  return (
    <Step
      number={3}
      isDone={isDone}
      title={isDone ? 'GitHub is connected' : 'Connect GitHub'}
      more={isDone ? null : <CopyLine text="GITHUB_TOKEN=" what="the line for .env" />}
    >
      {isDone
        ? 'Agents can push their target branch and open pull requests.'
        : 'A fine-grained token with contents and pull requests, in .env. Needed to push and for private repositories.'}
    </Step>
  )
}

function describeKey(health: Health | null): string {
  if (health?.isolated === false) return 'Its key stays with Berth, whose files an agent that is not isolated can read.'
  return 'Its key stays with Berth; no sandbox ever sees it.'
}

interface StepProps {
  number: number
  isDone: boolean
  title: string
  children?: ReactNode
  act?: ReactNode
  more?: ReactNode
}

function Step({ number, isDone, title, children, act, more }: StepProps) {
  return (
    <li className={isDone ? 'done' : ''}>
      <span className="mark">
        {isDone ? (
          <>
            <LineIcon name="check" small />
            <span className="sr">Done</span>
          </>
        ) : (
          number
        )}
      </span>
      <div>
        <h2>{title}</h2>
        {children && <p>{children}</p>}
      </div>
      {act}
      {more && <div className="more">{more}</div>}
    </li>
  )
}

function Demo() {
  return (
    <aside className="card demo" aria-labelledby="demo">
      <header>
        <Glyph state="ready" />
        <h2 id="demo">See one work first</h2>
        <span className="grow" />
        <span className="faint">No key needed</span>
      </header>
      <div className="body">
        <p className="muted">
          The demo plays a scripted model against a small sample repository in a real sandbox. Nothing leaves this
          machine.
        </p>
        <ol>
          <li>Its container starts and the repository is cloned</li>
          <li>It reads the code and sees the test fail</li>
          <li>It edits, and runs the test again</li>
          <li>It commits, pushes, and opens a pull request</li>
        </ol>
        <CopyLine text="npm run demo" what="the command" />
      </div>
    </aside>
  )
}

const FLAGS: { state: GlyphName; word: string; meaning: string }[] = [
  { state: 'starting', word: 'Starting', meaning: 'container, clone, setup' },
  { state: 'running', word: 'Running', meaning: 'at work; keep clear' },
  { state: 'waiting', word: 'Waiting for you', meaning: 'it needs a decision' },
  { state: 'ready', word: 'Ready', meaning: 'done; container is warm' },
  { state: 'sleeping', word: 'Sleeping', meaning: 'stopped; wakes when told' },
  { state: 'stopping', word: 'Stopping', meaning: 'container is going away' },
  { state: 'failed', word: 'Failed', meaning: 'with a reason; retry' },
  { state: 'idle', word: 'Idle', meaning: 'no container; history kept' },
]

function Flags() {
  return (
    <section className="legend-flags" aria-labelledby="flags">
      <h2 id="flags">What the flags say</h2>
      <ul>
        {FLAGS.map((flag) => (
          <li key={flag.state}>
            <Glyph state={flag.state} />
            <span>
              <b>{flag.word}</b>
              {flag.meaning}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
