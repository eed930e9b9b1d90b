'use client'

import Link from 'next/link'
import { Fragment } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Glyph } from '../../components/glyph.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { faceOf } from '../../model/agent-face.ts'
import { groupAgents } from '../../model/agent-groups.ts'

/** Every agent's flag in the order of the list; the current one is framed. */
export function Quay({ agents, current }: { agents: AgentView[] | null; current: string }) {
  const groups = groupAgents(agents ?? []).filter((group) => group.agents.length > 0)
  return (
    <nav className="quay" aria-label="Other agents">
      {groups.map((group, index) => (
        <Fragment key={group.name}>
          {index > 0 && <hr />}
          {group.agents.map((agent) => {
            const face = faceOf(agent)
            return (
              <Link
                key={agent.id}
                href={`/agents/${agent.id}`}
                title={`${agent.name}: ${face.word}`}
                aria-current={agent.id === current ? 'page' : undefined}
              >
                <Glyph state={face.glyph} name={`${agent.name}, ${face.word}`} />
              </Link>
            )
          })}
        </Fragment>
      ))}
      <Link className="more" href="/agents" title="All agents">
        <LineIcon name="berths" small />
        <span className="sr">All agents</span>
      </Link>
    </nav>
  )
}
