'use client'

import { useState } from 'react'
import { Delta } from '../../components/delta.tsx'
import { DiffView } from '../../components/diff-view.tsx'
import { LineIcon } from '../../components/line-icon.tsx'
import { LogTime } from '../../components/moment.tsx'
import { formatCount } from '../../model/format.ts'
import type { ChangedFile } from '../../model/transcript-types.ts'

const KINDS: Record<ChangedFile['change'], { letter: string; word: string; className: string }> = {
  added: { letter: 'A', word: 'added', className: 'kind add' },
  modified: { letter: 'M', word: 'changed', className: 'kind faint' },
  deleted: { letter: 'D', word: 'deleted', className: 'kind del' },
}

/** What it changed, file by file, each change as it was made. */
export function ChangesPane({ files }: { files: ChangedFile[] }) {
  if (files.length === 0) {
    return <p className="pane-empty muted">Each file it changes will be here with what changed, as it happens.</p>
  }
  const additions = files.reduce((sum, file) => sum + file.additions, 0)
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0)
  return (
    <>
      <div className="pane-bar">
        <span className="med">{formatCount(files.length, 'file')}</span>
        <span>
          <Delta additions={additions} deletions={deletions} />
        </span>
        <span className="grow" />
        <span className="faint">as the agent made them</span>
      </div>
      <ul className="tree" aria-label="Changed files">
        {files.map((file) => (
          <li key={file.path}>
            <a href={`#${anchorOf(file.path)}`}>
              <LineIcon name="file" />
              <PathView path={file.path} />
              <span className={KINDS[file.change].className} title={KINDS[file.change].word}>
                {KINDS[file.change].letter}
              </span>
              <span className="delta">
                <Delta additions={file.additions} deletions={file.deletions} />
              </span>
            </a>
          </li>
        ))}
      </ul>
      {files.map((file) => (
        <FileView key={file.path} file={file} />
      ))}
    </>
  )
}

function PathView({ path }: { path: string }) {
  const slash = path.lastIndexOf('/') + 1
  return (
    <span className="cut" title={path}>
      <span className="faint">{path.slice(0, slash)}</span>
      {path.slice(slash)}
    </span>
  )
}

function FileView({ file }: { file: ChangedFile }) {
  const [isOpen, setOpen] = useState(true)
  return (
    <section className="file" id={anchorOf(file.path)} aria-label={file.path}>
      <header>
        <button className="fold-file" type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          <LineIcon name={isOpen ? 'down' : 'right'} small />
          <span className="mono cut">{file.path}</span>
        </button>
        <span>
          <Delta additions={file.additions} deletions={file.deletions} />
        </span>
        <span className="grow" />
        {file.changes.length > 1 && <span className="faint">{file.changes.length} changes</span>}
      </header>
      {isOpen &&
        file.changes.map((change) => (
          <div key={change.seq}>
            {file.changes.length > 1 && (
              <p className="change-time faint">
                <LogTime at={change.at} />
              </p>
            )}
            <DiffView diff={change.diff} truncated={change.truncated} />
          </div>
        ))}
    </section>
  )
}

function anchorOf(path: string): string {
  return `file-${encodeURIComponent(path)}`
}
