'use client'

import { useState } from 'react'
import { Delta } from '../../components/delta.tsx'
import { DiffView } from '../../components/diff-view.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { Clock } from '../../components/moment.tsx'
import { SearchHits } from '../../components/search-hits.tsx'
import { TaskList } from '../../components/task-list.tsx'
import { TermOutput } from '../../components/term-output.tsx'
import { parseHits, readPattern } from '../../model/search-hits.ts'
import { describeTook, describeTool, isOpenByDefault, readExitCode, readOutput } from '../../model/tool-line.ts'
import type { FileChange, ToolEntry } from '../../model/transcript-types.ts'

/** A call with what came of it: a line, or open with its output, its difference or the plan. */
export function ToolView({ entry }: { entry: ToolEntry }) {
  const [choice, setChoice] = useState<boolean | null>(null)
  const isOpen = choice ?? isOpenByDefault(entry)
  const line = describeTool(entry)
  const hasBody =
    entry.result !== null || entry.liveOutput.text !== '' || entry.changes.length > 0 || entry.tasks !== null
  return (
    <div className={isOpen && hasBody ? 'tool' : 'tool plain'}>
      <button className="one" type="button" aria-expanded={isOpen} onClick={() => setChoice(!isOpen)}>
        <LineIcon name={isOpen && hasBody ? line.icon : 'right'} />
        <span className="verb">{line.verb}</span>
        <span className={line.mono ? 'what mono cut' : 'what cut'}>{line.object}</span>
        <span className="grow" />
        <Outcome entry={entry} />
      </button>
      {isOpen && hasBody && <ToolBody entry={entry} />}
    </div>
  )
}

function Outcome({ entry }: { entry: ToolEntry }) {
  if (entry.result === null) {
    return (
      <>
        <span className="took">
          <Clock since={entry.at} />
        </span>
        <span className="exit live">live</span>
      </>
    )
  }
  const exitCode = readExitCode(entry)
  const done = entry.tasks?.filter((task) => task.status === 'completed').length ?? 0
  return (
    <>
      {entry.changes.map((change) => (
        <span key={change.seq} className="took">
          <Delta additions={change.additions} deletions={change.deletions} />
        </span>
      ))}
      <span className="took">
        {entry.tasks ? `${done} of ${entry.tasks.length} done` : entry.changes.length > 0 ? '' : describeTook(entry)}
      </span>
      {exitCode !== null && <span className={exitCode === 0 ? 'exit zero' : 'exit bad'}>exit {exitCode}</span>}
      {exitCode === null && entry.result.outcome !== 'ok' && (
        <span className="exit bad">{entry.result.outcome === 'error' ? 'failed' : 'interrupted'}</span>
      )}
    </>
  )
}

function ToolBody({ entry }: { entry: ToolEntry }) {
  const showsOutput = entry.result === null || (entry.changes.length === 0 && entry.tasks === null)
  const hasFailed = entry.result !== null && entry.result.outcome !== 'ok'
  const output = readOutput(entry)
  const hits = entry.tool === 'search_files' && !hasFailed ? parseHits(output) : []
  return (
    <>
      {entry.changes.map((change) => (
        <DiffView key={change.seq} diff={change.diff} truncated={change.truncated} thin />
      ))}
      {entry.tasks && <TaskList tasks={entry.tasks} />}
      {hits.length > 0 && <SearchHits groups={hits} pattern={readPattern(entry.input)} />}
      {(showsOutput || hasFailed) && hits.length === 0 && (
        <TermOutput
          text={output}
          isLive={entry.result === null}
          isCut={entry.result === null && entry.liveOutput.start > 0}
        />
      )}
    </>
  )
}

const VERBS: Record<FileChange['change'], string> = { added: 'Added', modified: 'Changed', deleted: 'Deleted' }

/** A change that no call of the model names: a command made it. */
export function ChangeView({ change }: { change: FileChange }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <div className={isOpen ? 'tool' : 'tool plain'}>
      <button className="one" type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <LineIcon name={isOpen ? 'edit' : 'right'} />
        <span className="verb">{VERBS[change.change]}</span>
        <span className="what mono cut">{change.path}</span>
        <span className="grow" />
        <span className="took">
          <Delta additions={change.additions} deletions={change.deletions} />
        </span>
      </button>
      {isOpen && <DiffView diff={change.diff} truncated={change.truncated} thin />}
    </div>
  )
}
