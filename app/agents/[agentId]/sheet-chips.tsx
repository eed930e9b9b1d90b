'use client'

import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { Delta } from '../../components/delta.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import type { Transcript } from '../../model/transcript-types.ts'
import type { PanelTab } from './side-panel.tsx'

export interface SheetChipsProps {
  agent: AgentView
  transcript: Transcript
  showTab(tab: PanelTab): void
}

/** On narrow screens: the ways to the panel, which is a sheet there. */
export function SheetChips({ agent, transcript, showTab }: SheetChipsProps) {
  const done = transcript.tasks.filter((task) => task.status === 'completed').length
  return (
    <div className="sheets">
      <button className="btn sm" type="button" onClick={() => showTab('changes')}>
        Changes
        <span>
          <Delta
            additions={transcript.files.reduce((sum, file) => sum + file.additions, 0)}
            deletions={transcript.files.reduce((sum, file) => sum + file.deletions, 0)}
          />
        </span>
      </button>
      {transcript.tasks.length > 0 && (
        <button className="btn sm" type="button" onClick={() => showTab('plan')}>
          Plan
          <span className="count">
            {done}/{transcript.tasks.length}
          </span>
        </button>
      )}
      <button className="btn sm" type="button" onClick={() => showTab('pull')}>
        <LineIcon name="pr" small />
        {agent.pullRequest ? `#${agent.pullRequest.number}` : 'Pull request'}
      </button>
      <button className="btn sm" type="button" onClick={() => showTab('details')}>
        Details
      </button>
    </div>
  )
}
