/** Sandboxes that no agent accounts for: one line, and what there is to know of them where it is opened. Nothing where there is none. */
import Link from 'next/link'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import type { Health } from '../client/use-health.ts'
import { describeStrays, type StrayLine } from '../model/stray-notice.ts'
import { CopyLine } from './copy-line.tsx'
import { LineIcon } from './line-icon.tsx'

export function StraysNote({ health, agents }: { health: Health | null; agents: readonly AgentView[] }) {
  const notice = health && describeStrays(health, agents)
  if (!notice) return null
  return (
    <details className="note strays">
      <summary>
        <LineIcon name="right" small />
        <span>
          <b className="med">{notice.title}</b> <span className="muted">Stopped; nothing was removed.</span>
        </span>
      </summary>
      <ul aria-label="Sandboxes that no agent accounts for">
        {notice.lines.map((line) => (
          <Stray key={line.key} line={line} />
        ))}
      </ul>
      {notice.hints.map((hint) => (
        <p className="muted" key={hint}>
          {hint}
        </p>
      ))}
    </details>
  )
}

function Stray({ line }: { line: StrayLine }) {
  return (
    <li>
      {line.agentId === null ? (
        <span className="mono">{line.name}</span>
      ) : (
        <Link href={`/agents/${line.agentId}`}>{line.name}</Link>
      )}
      <p className="muted">{line.why}</p>
      {line.command !== null && (
        <CopyLine text={line.command} what={`the command that shows the log of ${line.name}`} />
      )}
    </li>
  )
}
