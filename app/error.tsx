'use client'

import { PlainPage } from './components/plain-page.tsx'

/** A defect of the page: nothing of the agents is touched by it. */
export default function PageError({ error, reset }: { error: Error & { digest?: string }; reset(): void }) {
  return (
    <PlainPage title="This page broke">
      <p className="muted">
        Drawing it failed. Agents go on working, and their history is kept. The browser’s console has the details
        {error.digest ? ` under ${error.digest}` : ''}.
      </p>
      <p className="plain-acts">
        <button className="btn primary" type="button" onClick={reset}>
          Draw it again
        </button>
        <a className="btn" href="/agents">
          All agents
        </a>
      </p>
    </PlainPage>
  )
}
