'use client'

import { memo, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { LogTime } from '../../components/moment.tsx'
import { Prose } from '../../components/prose.tsx'
import { Words } from '../../components/words.tsx'
import type { Entry, TextEntry } from '../../model/transcript-types.ts'
import { NoteView } from './note-entry.tsx'
import { StartView } from './start-entry.tsx'
import { ChangeView, ToolView } from './tool-entry.tsx'
import type { AgentActions } from './use-agent-actions.ts'
import type { ShowEditor } from './use-agent-editor.ts'

export interface EntryViewProps {
  entry: Entry
  agent: AgentView
  /** The last of the log: what failed here can be tried again. */
  isCurrent: boolean
  actions: AgentActions
  edit: ShowEditor
  onDelete(): void
}

/** One entry of the log with its time in the margin. An entry that did not change is not drawn again. */
export const EntryView = memo(
  function EntryView(props: EntryViewProps) {
    const { entry } = props
    if (entry.kind === 'said') {
      return (
        <article className="entry order loose" aria-label={NAMES.said}>
          <LogTime at={entry.at} />
          <Words text={entry.text} from={entry.from} />
        </article>
      )
    }
    return (
      <article className="entry" aria-label={NAMES[entry.kind]}>
        <LogTime at={entry.at} />
        <div>
          <EntryBody {...props} />
        </div>
      </article>
    )
  },
  (before, after) =>
    before.entry === after.entry &&
    before.isCurrent === after.isCurrent &&
    // Only a start looks at more than itself: what the agent says of it, and whether it can be tried again.
    (after.entry.kind !== 'start' ||
      (before.agent === after.agent &&
        before.actions.busy === after.actions.busy &&
        before.actions.problem === after.actions.problem)),
)

const NAMES: Record<Entry['kind'], string> = {
  text: 'Text',
  reasoning: 'Reasoning',
  tool: 'Tool call',
  change: 'File change',
  said: 'Said to the run',
  start: 'Start',
  commit: 'Commit',
  push: 'Push',
  pull_request: 'Pull request',
  error: 'Error',
  compaction: 'Compaction',
  refused: 'Refused connection',
  continued: 'Continued',
  stopped: 'Stopped',
  asleep: 'Asleep',
  told: 'Note',
  interrupted: 'Step ended',
  retried: 'No answer',
}

function EntryBody({ entry, ...props }: EntryViewProps) {
  switch (entry.kind) {
    case 'text':
      return <TextView entry={entry} />
    case 'reasoning':
      return <ReasoningView entry={entry} />
    case 'tool':
      return <ToolView entry={entry} />
    case 'change':
      return <ChangeView change={entry.change} />
    case 'start':
      return <StartView entry={entry} {...props} />
    case 'said':
      return null
    default:
      return <NoteView entry={entry} />
  }
}

function TextView({ entry }: { entry: TextEntry }) {
  const text = entry.text.start > 0 ? `… ${entry.text.text}` : entry.text.text
  return (
    <>
      <Prose text={text} isLive={entry.state === 'live'} />
      {entry.state === 'cut' && <p className="faint cut-off">Cut off here; the rest was not written.</p>}
    </>
  )
}

function ReasoningView({ entry }: { entry: TextEntry }) {
  const [choice, setChoice] = useState<boolean | null>(null)
  const isOpen = choice ?? entry.state === 'live'
  if (entry.text.text.trim() === '' && entry.state !== 'live') return null
  return (
    <div className="tool plain">
      <button className="one" type="button" aria-expanded={isOpen} onClick={() => setChoice(!isOpen)}>
        <LineIcon name={isOpen ? 'down' : 'right'} />
        <span className="verb">{entry.state === 'live' ? 'Thinking' : 'Thought'}</span>
        {!isOpen && <span className="what cut">{entry.text.text.trim().slice(0, 200)}</span>}
      </button>
      {isOpen && (
        <div className="reasoning">
          <Prose text={entry.text.text} isLive={entry.state === 'live'} />
        </div>
      )}
    </div>
  )
}
